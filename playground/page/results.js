// What the plan says, as `collapipe plan` says it.
const opened = new Set();
const line = (...parts) => [...el('p', {}, ...parts).childNodes];

function table(headings, rows) {
  return el('div', { class: 'wide' }, el('table', {}, el('thead', {}, el('tr', {}, ...headings.map(text => el('th', { scope: 'col' }, text)))),
    el('tbody', {}, ...rows.map(({ node, cells }) => el('tr', node ? { 'data-node': node, class: node === map.picked && 'chosen' } : {}, ...cells.map(text => el('td', {}, text)))))));
}

function chart(svg) {
  return Object.assign(el('plan-chart', { class: 'wide chart' }), { svg });
}

function ofCluster(cluster, index, svg) {
  const parts = cluster.parts.map((part, place) => ({ ...part, place, share: 100 * part.seconds / cluster.latency_s })).filter(part => part.seconds > 0);
  const says = parts.map(part => `${part.step} ${significant(part.seconds)} s`).join(', ');
  const pipeline = cluster.pipeline;
  return el('section', {}, el('h2', {}, `${cluster.name}: ${significant(cluster.latency_s, 4)} s`),
    el('div', { class: 'bar', role: 'img', 'aria-label': `Parts of the round: ${says}` },
      ...parts.map(part => el('span', { class: `p${part.place}`, style: `flex:${part.share}`, title: `${part.step}: ${significant(part.seconds)} s, ${part.share.toFixed(1)} %` }, part.step))),
    el('p', {}, `Busiest: ${cluster.bottleneck}, ${(100 * cluster.bottleneck_busy).toFixed(1)} % of a batch.`,
      pipeline ? ` A batch takes ${significant(pipeline.makespan_s)} s; stages wait ${(100 * pipeline.bubble).toFixed(1)} % of it. Stages: ${pipeline.stages.map((name, stage) => `${stage} ${name}`).join(', ')}.` : ''),
    svg ? chart(svg) : el('p', { class: 'quiet' }, 'The pipeline has too many micro-batches to be drawn.'),
    table(['device', 'blocks', 'up against', 'memory [GB]', 'of [GB]', 'forward [s]', 'backward [s]', 'busy [%]', 'energy [J]'], cluster.devices.map(device => {
      const held = text => device.blocks ? text : '–';
      return { node: `${index}/${device.name}`, cells: [device.name, device.blocks ? `${device.blocks[0] + 1}–${device.blocks[1]}` : 'none', held(device.limits.join(', ')),
        held(significant(1e-9 * device.memory_bytes)), significant(1e-9 * device.memory_limit_bytes), held(significant(device.stage_s[0])), held(significant(device.stage_s[1])),
        held((100 * device.busy).toFixed(1)), held(significant(device.energy_j[0] + device.energy_j[1]))] };
    })),
    el('details', { open: opened.has(index), ontoggle: event => opened[event.target.open ? 'add' : 'delete'](index) }, el('summary', {}, 'Messages: bands, powers, rates'),
      table(['message', 'band [MHz]', 'power [W]', 'rate [Mbit/s]', 'on air [s]', 'times', 'energy [J]'], cluster.hops.map(hop => ({ cells: [`${hop.from} → ${hop.to}`,
        significant(hop.bandwidth_hz && 1e-6 * hop.bandwidth_hz), significant(hop.power_w), significant(hop.bits_per_second && 1e-6 * hop.bits_per_second), significant(hop.air_s), String(hop.uses),
        significant(hop.energy_j)] })))));
}

function showPlan({ report, charts }) {
  const verdict = document.getElementById('verdict');
  verdict.classList.remove('none');
  fill(verdict, line('A round takes ', el('b', {}, `${significant(report.round_latency_s, 4)} s`), `: ${report.local_iterations} iterations, ${report.micro_batches} micro-batches, ${report.schedule}. `,
    `No decision is better by more than ${Math.max(0, report.gap).toExponential(0)} of the objective: proved.`));
  fill(document.getElementById('plan'), report.clusters.map((cluster, index) => ofCluster(cluster, index, charts[index])));
}

function showReasons(report) {
  const signed = value => value === null ? '–' : `${value < 0 ? '−' : '+'}${significant(Math.abs(value))}`;
  const index = new Map(report.clusters.map((cluster, index) => [cluster.name, index]));
  const worth = report.prices.filter(price => price.saves_s > 1e-4 * report.round_latency_s);
  const unit = { band_mhz: 'MHz band', uplink_mhz: 'MHz uplink', memory_gib: 'GiB memory', power_w: 'W transmit power', energy_j: 'J energy' };
  const less = report.prices.length - worth.length;
  fill(document.getElementById('why'), [
    el('section', {}, el('h2', {}, 'What more would be worth'), worth.length ? table(['one more', 'of', 'saves [s]'], worth.map(price => ({
      cells: [unit[price.resource] ?? price.resource, price.of || 'all clusters', significant(price.saves_s)] }))) : '',
    less ? el('p', { class: 'quiet' }, `${less} more would save less than 0.01 % of the round.`) : ''),
    el('section', {}, el('h2', {}, 'Why nobody does something else'), el('p', { class: 'quiet' }, 'What the best such decision would cost, energy and all, in seconds of the round.'),
      table(['device', 'instead', 'costs [s]', 'round longer by [s]', 'gap, or why not'], report.variants.map(variant => ({
        node: `${index.get(variant.cluster)}/${variant.device}`,
        cells: [report.clusters.length > 1 ? `${variant.cluster}/${variant.device}` : variant.device, variant.change, signed(variant.cost_s), signed(variant.latency_change_s), variant.reason ?? variant.gap.toExponential(0)] }))))]);
}

function showNone(why) {
  const verdict = document.getElementById('verdict');
  verdict.classList.add('none');
  fill(verdict, line(why));
  for (const part of ['plan', 'why']) fill(document.getElementById(part), []);
}

function highlight(key) {
  for (const row of document.querySelectorAll('#results tr[data-node]')) row.classList.toggle('chosen', row.dataset.node === key);
}
