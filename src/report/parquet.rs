//! Tables as Parquet, for tools that read columns.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::tidy::{Cell, Kind, Sink, Tell};
use crate::simulation::RunRecord;

/// A table by columns: of each its values, and of each row 1 where it has one.
#[derive(Default)]
struct Columns {
    head: Vec<(String, Kind)>,
    columns: Vec<Column>,
}

#[derive(Default)]
struct Column {
    there: Vec<i16>,
    whole: Vec<i64>,
    real: Vec<f64>,
    text: Vec<ByteArray>,
}

/// Rows that a file that is written row by row keeps in memory.
const ROWS: usize = 20_000;

/// A table that is written as its rows come, in groups of them.
pub(crate) struct Grouped<W: Write + Send> {
    columns: Columns,
    rows: usize,
    out: Option<W>,
    writer: Option<SerializedFileWriter<W>>,
}

impl<W: Write + Send> Grouped<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { columns: Columns::default(), rows: 0, out: Some(out), writer: None }
    }

    fn write_group(&mut self) -> io::Result<()> {
        if let Some(writer) = &mut self.writer {
            self.columns.group(writer).map_err(io::Error::other)?;
        }
        self.rows = 0;
        let head = std::mem::take(&mut self.columns.head);
        self.columns.head(&head)
    }

    /// Gives the writer back, when all is written to it.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.write_group()?;
        let writer = self.writer.ok_or_else(|| io::Error::other("a table without a head"))?;
        writer.into_inner().map_err(io::Error::other)
    }
}

impl<W: Write + Send> Sink for Grouped<W> {
    fn head(&mut self, columns: &[(String, Kind)]) -> io::Result<()> {
        self.columns.head(columns)?;
        if let Some(out) = self.out.take() {
            let schema = self.columns.schema().map_err(io::Error::other)?;
            let writer = SerializedFileWriter::new(out, schema, Arc::new(WriterProperties::default()));
            self.writer = Some(writer.map_err(io::Error::other)?);
        }
        Ok(())
    }

    fn row(&mut self, cells: &[Cell]) -> io::Result<()> {
        self.columns.row(cells)?;
        self.rows += 1;
        if self.rows < ROWS { Ok(()) } else { self.write_group() }
    }
}

/// Writes a table of a run: every column optional, one row group.
pub(crate) fn write(tell: Tell, record: &RunRecord, out: &mut dyn Write) -> io::Result<()> {
    let mut columns = Columns::default();
    tell.all(record, &mut columns)?;
    let bytes = columns.file().map_err(io::Error::other)?;
    out.write_all(&bytes)
}

impl Sink for Columns {
    fn head(&mut self, columns: &[(String, Kind)]) -> io::Result<()> {
        self.head = columns.to_vec();
        self.columns = columns.iter().map(|_| Column::default()).collect();
        Ok(())
    }

    fn row(&mut self, cells: &[Cell]) -> io::Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.there.push(i16::from(*cell != Cell::Empty));
            match cell {
                Cell::Whole(value) => column.whole.push(i64::try_from(*value).map_err(io::Error::other)?),
                Cell::Real(value) => column.real.push(*value),
                Cell::Text(text) => column.text.push(ByteArray::from(*text)),
                Cell::Empty => {}
            }
        }
        Ok(())
    }
}

impl Columns {
    fn schema(&self) -> Result<Arc<Type>, ParquetError> {
        let field = |(name, kind): &(String, Kind)| {
            let (physical, logical) = match kind {
                Kind::Whole => (Physical::INT64, None),
                Kind::Real => (Physical::DOUBLE, None),
                Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            };
            let field = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
            field.with_logical_type(logical).build().map(Arc::new)
        };
        let fields = self.head.iter().map(field).collect::<Result<Vec<_>, _>>()?;
        Ok(Arc::new(Type::group_type_builder("table").with_fields(fields).build()?))
    }

    fn file(&self) -> Result<Vec<u8>, ParquetError> {
        let mut bytes = Vec::new();
        let mut writer = SerializedFileWriter::new(&mut bytes, self.schema()?, Arc::new(WriterProperties::default()))?;
        self.group(&mut writer)?;
        writer.close()?;
        Ok(bytes)
    }

    /// Writes the rows as a group.
    fn group<W: Write + Send>(&self, writer: &mut SerializedFileWriter<W>) -> Result<(), ParquetError> {
        let mut group = writer.next_row_group()?;
        for ((_, kind), column) in self.head.iter().zip(&self.columns) {
            // There are as many columns as fields.
            let Some(mut out) = group.next_column()? else { break };
            let there = Some(column.there.as_slice());
            match kind {
                Kind::Whole => out.typed::<Int64Type>().write_batch(&column.whole, there, None)?,
                Kind::Real => out.typed::<DoubleType>().write_batch(&column.real, there, None)?,
                Kind::Text => out.typed::<ByteArrayType>().write_batch(&column.text, there, None)?,
            };
            out.close()?;
        }
        group.close()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let mut columns = Columns::default();
        let head = [("slot", Kind::Whole), ("latency_s:lab", Kind::Real), ("status", Kind::Text)];
        columns.head(&head.map(|(name, kind)| (name.to_owned(), kind))).unwrap();
        columns.row(&[Cell::Whole(7), Cell::Real(0.1), Cell::Text("µ \"optimal\"")]).unwrap();
        columns.row(&[Cell::Whole(8), Cell::Empty, Cell::Empty]).unwrap();
        let reader = SerializedFileReader::new(bytes::Bytes::from(columns.file().unwrap())).unwrap();
        let rows: Vec<Vec<(String, Field)>> =
            reader.get_row_iter(None).unwrap().map(|row| row.unwrap().into_columns()).collect();
        let named = |row: [Field; 3]| head.map(|(name, _)| name.to_owned()).into_iter().zip(row).collect::<Vec<_>>();
        let first = named([Field::Long(7), Field::Double(0.1), Field::Str("µ \"optimal\"".into())]);
        assert_eq!(rows, [first, named([Field::Long(8), Field::Null, Field::Null])]);
        let mut none = Columns::default();
        none.head(&[("slot".to_owned(), Kind::Whole)]).unwrap();
        let reader = SerializedFileReader::new(bytes::Bytes::from(none.file().unwrap())).unwrap();
        assert_eq!(reader.get_row_iter(None).unwrap().count(), 0);
    }
}
