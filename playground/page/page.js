// The page: one scenario; every change is planned at the energy prices so far, at once, and then at those that settle.
const state = { scenario: undefined, presets: [], prices: {}, report: undefined, asked: 0 };
let quick, settling, later;

const map = new Map_(document.getElementById('map'), () => changed(), node => highlight(keyOf(node)));
const says = text => { document.getElementById('state').textContent = text; };

function show(answer, asked, begun, settled) {
  // Older than what is there, or than what settled.
  if (asked < state.shown || (asked === state.shown && state.settled)) return;
  Object.assign(state, { shown: asked, settled });
  document.getElementById('plan').classList.toggle('stale', asked !== state.asked);
  if (answer.error !== undefined) {
    state.report = undefined;
    showNone(answer.error);
  } else {
    state.report = answer.plan.report;
    if (settled) state.prices = answer.plan.energy_prices;
    showPlan(answer.plan);
  }
  map.show(state.scenario, state.report);
  if (map.picked) highlight(map.picked);
  const took = `${Math.round(performance.now() - begun)} ms from change to picture, ${Math.round(answer.milliseconds ?? 0)} ms of them for solving.`;
  says(settled ? `Energy prices have settled. ${took}` : `At the energy prices so far; they are settling … ${took}`);
  // For tests and the curious. What was changed is painted between the two calls.
  requestAnimationFrame(() => setTimeout(() => {
    document.body.dataset.drawn = JSON.stringify({ asked, settled, milliseconds: performance.now() - begun, solving: answer.milliseconds });
  }));
}

function changed() {
  // Of an event all counts, its way to the page too.
  const asked = ++state.asked, begun = window.event?.timeStamp ?? performance.now(), scenario = structuredClone(state.scenario);
  map.show(state.scenario, state.report);
  quick.ask({ plan: { scenario, energy_prices: state.prices } }, answer => show(answer, asked, begun, false));
  clearTimeout(later);
  later = setTimeout(() => {
    const begun = performance.now();
    settling.ask({ plan: { scenario } }, answer => show(answer, asked, begun, true));
  }, 120);
}

function begin(scenario) {
  Object.assign(state, { scenario, prices: {}, report: undefined });
  map.picked = undefined;
  restart();
}

// Devices came or went, or everything did.
function restart() {
  showControls(state.scenario, state.presets, changed, restart);
  map.show(state.scenario, undefined, true);
  changed();
}

const failed = answer => { if (answer.error !== undefined) showNone(answer.error); return answer.error !== undefined; };

function choose(name) {
  quick.ask({ begin: name }, answer => {
    if (failed(answer)) return;
    state.presets = answer.begin.device_presets;
    begin(answer.begin.scenario);
  });
}

document.getElementById('begin').addEventListener('change', event => choose(event.target.value));
document.getElementById('open').addEventListener('change', async event => {
  const [file] = event.target.files;
  event.target.value = '';
  if (!file) return;
  quick.ask({ read: await file.text() }, answer => { if (!failed(answer)) begin(answer.read); });
});
document.getElementById('save').addEventListener('click', () => quick.ask({ write: state.scenario }, answer => {
  if (failed(answer)) return;
  const link = el('a', { href: URL.createObjectURL(new Blob([answer.write], { type: 'application/toml' })), download: 'playground.toml' });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}));
document.getElementById('plan').addEventListener('click', event => {
  const key = event.target.closest('tr[data-node]')?.dataset.node;
  const node = map.nodes?.find(node => keyOf(node) === key);
  if (node) map.pick(node);
});

moduleBytes().then(module => {
  quick = new Asked(module);
  settling = new Asked(module);
  choose('six-devices');
}).catch(error => showNone(`This browser cannot start the module (${error.message}). It needs WebAssembly and DecompressionStream: Chrome 80, Firefox 113, Safari 16.4 or later.`));
