// What can be changed: fields of the scenario, written into it as they are typed or dragged.
function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter(child => child !== undefined));
  return element;
}

const significant = (value, digits = 3) => {
  if (value === null || value === undefined) return '–';
  if (value === 0) return '0';
  const size = Math.floor(Math.log10(Math.abs(value)));
  return size < -4 || size > 6 ? value.toExponential(digits - 1) : value.toFixed(Math.max(0, digits - 1 - size));
};

// A slider over powers of ten. `get` and `set` are in the field's own unit, `unit` is how many of those one shown unit has.
function slider({ label, unit, suffix, low, high, get, set, id }) {
  const output = el('output', {});
  const shown = () => { output.textContent = `${significant(get() / unit)} ${suffix}`; };
  const input = el('input', { type: 'range', id, min: Math.log10(low), max: Math.log10(high), step: 0.01, value: Math.log10(get() / unit),
    oninput: () => { set(unit * Number((10 ** Number(input.value)).toPrecision(3))); input.setAttribute('aria-valuetext', output.textContent); shown(); } });
  shown();
  input.setAttribute('aria-valuetext', output.textContent);
  // A label is of what it names; without a name, of the first thing in it, which is the output.
  return el('label', { for: id }, label, output, input);
}

// A number that may be left out.
function number({ label, unit, get, set, hint }) {
  const value = get();
  const input = el('input', { type: 'number', min: 0, step: 'any', 'aria-label': label, placeholder: hint, value: value === undefined || value === null ? undefined : value / unit,
    oninput: () => {
      const typed = input.value.trim() === '' && !input.validity.badInput ? undefined : unit * Number(input.value);
      const bad = input.validity.badInput || (typed !== undefined && !(typed > 0));
      input.classList.toggle('bad', bad);
      input.setAttribute('aria-invalid', String(bad));
      if (!bad) set(typed);
    } });
  return input;
}

function showControls(scenario, presets, changed, restart) {
  const set = (object, field) => value => { if (value === undefined) delete object[field]; else object[field] = value; changed(); };
  const bound = (object, field, rest) => ({ get: () => object[field], set: set(object, field), unit: 1, ...rest });
  const select = el('input', { type: 'checkbox', id: 'select', onchange: () => { scenario.participation = select.checked ? 'select' : 'all'; changed(); } });
  select.checked = scenario.participation === 'select';
  const [plan] = scenario.plans, batches = scenario.clusters.map(cluster => cluster.batch_size);
  const pieces = Array.from({ length: Math.min(...batches) }, (_, index) => index + 1).filter(count => batches.every(batch => batch % count === 0));
  const micro = el('select', { id: 'micro', onchange: () => { plan.micro_batches = Number(micro.value); changed(); } },
    ...pieces.map(count => el('option', { value: count, selected: count === plan.micro_batches }, String(count))));
  document.getElementById('common').replaceChildren(
    slider(bound(scenario, 'latency_weight', { id: 'v', label: 'Price of a second (V)', suffix: '', low: 1e-4, high: 10 })),
    slider(bound(scenario.uplink, 'bandwidth_hz', { id: 'uplink', label: 'Band of uploads', suffix: 'MHz', unit: 1e6, low: 1, high: 100 })),
    scenario.plans.length === 1 ? el('label', {}, 'Micro-batches ', micro) : el('span', {}, `Micro-batches: the plan chooses among ${scenario.plans.length}`),
    el('label', {}, select, ' Leave devices out where that is better'));
  document.getElementById('clusters').replaceChildren(...scenario.clusters.map((cluster, index) => {
    const rows = cluster.devices.map((device, place) => {
      const preset = el('select', { 'aria-label': `${device.name}: machine`, onchange: () => { device.preset = preset.value; changed(); } },
        ...presets.map(name => el('option', { value: name, selected: name === device.preset }, name)));
      return el('tr', {}, el('td', {}, device.name), el('td', {}, device.preset ? preset : 'by its numbers'),
        el('td', {}, number(bound(device, 'budget_j_per_round', { label: `${device.name}: budget in J per round`, hint: 'no limit' }))),
        el('td', {}, number(bound(device, 'memory_bytes', { label: `${device.name}: memory in GB`, unit: 1e9, hint: 'preset' }))),
        el('td', {}, el('button', { type: 'button', 'aria-label': `Remove ${device.name}`, disabled: cluster.devices.length === 1,
          onclick: () => { cluster.devices.splice(place, 1); restart(); } }, '×')));
    });
    const unit = cluster.control_unit;
    const control = el('tr', {}, el('td', {}, 'control unit'), el('td', {}, unit?.preset ?? ''),
      el('td', {}, unit ? number(bound(unit, 'budget_j_per_round', { label: 'control unit: budget in J per round', hint: 'no limit' })) : ''), el('td', {}), el('td', {}));
    const add = () => {
      const names = new Set(cluster.devices.map(device => device.name));
      const name = Array.from({ length: names.size + 1 }, (_, count) => `device-${count + 1}`).find(name => !names.has(name));
      const last = cluster.devices.at(-1), at = last.position;
      cluster.devices.push({ ...structuredClone(last), name, ...(at ? { position: { ...at, x_m: at.x_m + 2, y_m: at.y_m + 2 } } : {}) });
      restart();
    };
    return el('section', {}, el('h2', {}, cluster.name),
      el('div', { class: 'controls' }, slider(bound(cluster, 'bandwidth_hz', { id: `band-${index}`, label: 'Band of the pipeline', suffix: 'MHz', unit: 1e6, low: 1, high: 100 }))),
      el('div', { class: 'wide' }, el('table', {}, el('thead', {}, el('tr', {},
        ...['device', 'machine', 'budget [J/round]', 'memory [GB]', ''].map(text => el('th', { scope: 'col' }, text)))), el('tbody', {}, ...rows, control))),
      el('button', { type: 'button', onclick: add }, 'Add a device like the last'));
  }));
}
