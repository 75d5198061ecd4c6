// Tables sort by a heading; figures tell their values below a pointer, a finger or the arrow keys.
document.addEventListener('click', event => {
  const heading = event.target.closest('th button')?.parentNode;
  if (!heading) return;
  const body = heading.closest('table').tBodies[0], column = heading.cellIndex;
  const down = heading.getAttribute('aria-sort') === 'ascending';
  for (const other of heading.parentNode.cells) other.removeAttribute('aria-sort');
  heading.setAttribute('aria-sort', down ? 'descending' : 'ascending');
  const text = row => row.cells[column].textContent.trim();
  const rows = [...body.rows].sort((a, b) => {
    const x = parseFloat(text(a)), y = parseFloat(text(b));
    // What has no number stands last either way.
    if (isNaN(x) !== isNaN(y)) return isNaN(x) ? 1 : -1;
    const order = isNaN(x) ? text(a).localeCompare(text(b)) : x - y;
    return down ? -order : order;
  });
  body.append(...rows);
});
// Where values stand along a figure's horizontal axis, read from the numbers below it: [offset, slope] in shares of its width.
const axis = svg => {
  const box = svg.getBoundingClientRect(), rows = new Map();
  for (const text of svg.querySelectorAll('text')) {
    const value = Number(text.textContent.trim() || NaN), at = text.getBoundingClientRect();
    if (!isFinite(value) || at.height > 2 * at.width + 20) continue;
    const row = Math.round(at.top + at.height / 2 - box.top);
    if (!rows.has(row)) rows.set(row, []);
    rows.get(row).push([value, (at.left + at.width / 2 - box.left) / box.width]);
  }
  for (const [, ticks] of [...rows].sort((a, b) => b[0] - a[0])) {
    const n = ticks.length;
    if (n < 2) continue;
    const mean = i => ticks.reduce((sum, tick) => sum + tick[i], 0) / n;
    const [v, s] = [mean(0), mean(1)];
    const spread = ticks.reduce((sum, tick) => sum + (tick[0] - v) ** 2, 0);
    if (!spread) continue;
    const slope = ticks.reduce((sum, tick) => sum + (tick[0] - v) * (tick[1] - s), 0) / spread;
    if (slope > 0 && ticks.every(tick => Math.abs(s + slope * (tick[0] - v) - tick[1]) < .01)) return [s - slope * v, slope];
  }
};
for (const figure of document.querySelectorAll('figure[data-of]')) {
  const source = document.getElementById('values');
  if (!source) break;
  const all = JSON.parse(source.textContent), series = all.series[figure.dataset.of];
  if (!series) continue;
  const art = figure.querySelector('.art'), tip = figure.querySelector('.tip');
  let index = -1;
  const seen = () => [...art.children].find(child => child.getBoundingClientRect().width > 50);
  const show = to => {
    index = Math.max(0, Math.min(all.slots.length - 1, to));
    const line = document.createElement('b'), drawn = seen(), of = axis(drawn.querySelector('svg'));
    line.textContent = `Slot ${all.slots[index]}: `;
    const told = series.map(({name, values}) => [name, values[index]]).filter(([, value]) => value !== null);
    tip.replaceChildren(line, told.length ? told.map(([name, value]) => `${name} ${value}`).join(', ') : 'no round');
    document.querySelectorAll('.at').forEach(mark => mark.remove());
    if (!of) return;
    const mark = document.createElement('div');
    mark.className = 'at';
    mark.style.left = `${100 * (of[0] + of[1] * all.slots[index])}%`;
    drawn.append(mark);
  };
  const point = event => {
    const drawn = seen(), of = drawn && axis(drawn.querySelector('svg'));
    if (!of) return;
    const box = drawn.getBoundingClientRect(), slot = ((event.clientX - box.left) / box.width - of[0]) / of[1];
    let best = 0;
    all.slots.forEach((at, i) => { if (Math.abs(at - slot) < Math.abs(all.slots[best] - slot)) best = i; });
    show(best);
  };
  art.addEventListener('pointermove', point);
  art.addEventListener('pointerdown', point);
  art.addEventListener('keydown', event => {
    const step = {ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10, Home: -1e9, End: 1e9}[event.key];
    if (!step) return;
    event.preventDefault();
    show(index + step);
  });
}
