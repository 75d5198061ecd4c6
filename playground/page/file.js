// The scenario as a file (TOML): what is planned, and what is saved.
const isTable = value => value !== null && typeof value === 'object' && !Array.isArray(value);
const given = table => Object.entries(table).filter(([, value]) => value !== undefined && value !== null);
const isSmall = table => given(table).length <= 3 && given(table).every(([, value]) => typeof value !== 'object');
const quoted = text => JSON.stringify(text).replaceAll('\x7f', '\\u007f');
const named = name => /^[\w-]+$/.test(name) ? name : quoted(name);

function inline(value) {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (isTable(value)) return `{ ${given(value).map(([name, value]) => `${named(name)} = ${inline(value)}`).join(', ')} }`;
  return typeof value === 'string' ? quoted(value) : String(value);
}

function toml(table, path = []) {
  const own = [], below = [];
  for (const [name, value] of given(table)) {
    const inner = [...path, named(name)];
    if (isTable(value) && !isSmall(value)) below.push(`\n[${inner.join('.')}]\n${toml(value, inner)}`);
    else if (Array.isArray(value) && value.length && value.every(each => isTable(each) && !isSmall(each)))
      below.push(...value.map(each => `\n[[${inner.join('.')}]]\n${toml(each, inner)}`));
    else own.push(`${named(name)} = ${inline(value)}\n`);
  }
  return own.join('') + below.join('');
}
