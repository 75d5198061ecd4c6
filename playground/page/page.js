// The page: one scenario; every change is planned at the energy prices so far, at once, and then at those that settle.
const state = { scenario: undefined, presets: [], prices: {}, report: undefined, asked: 0, took: [] };
let quick, settling, later;

const map = new Map_(document.getElementById('map'), () => changed(), node => highlight(keyOf(node)));
const says = text => { document.getElementById('state').textContent = text; };

// What was asked last, and at energy prices that have settled, is shown with its why.
Object.defineProperty(state, 'settled', { get: () => state.whole && state.shown === state.asked && state.settledFor === state.asked });

function status() {
  const took = state.took.map(([what, milliseconds]) => `${Math.round(milliseconds)} ms to the ${what}`).join(', ');
  says(state.settledFor === state.shown ? `Energy prices have settled. ${took}.` : `At the energy prices so far; they are settling … ${took}.`);
}

// Says, for tests and the curious, when it was seen. What was changed is painted between the two calls.
function seen(what, asked, begun) {
  requestAnimationFrame(() => setTimeout(() => {
    document.body.dataset[what] = JSON.stringify({ asked, milliseconds: performance.now() - begun });
  }));
}

function show(answer, asked, begun) {
  const { also } = answer;
  Object.assign(state, { shown: asked, whole: also !== undefined, took: [[also ? 'plan and its why' : 'plan', performance.now() - begun]] });
  document.getElementById('results').classList.toggle('stale', asked !== state.asked);
  document.getElementById('why').classList.toggle('stale', !also);
  if (answer.error !== undefined) {
    Object.assign(state, { report: undefined, whole: true });
    showNone(answer.error);
  } else {
    state.report = answer.plan.report;
    showPlan(answer.plan);
    if (also) explain(also);
  }
  map.show(state.scenario, state.report);
  status();
  seen('drawn', asked, begun);
  if (also) seen('explained', asked, begun);
}

function explain({ error, why }) {
  if (error !== undefined) fill(document.getElementById('why'), [el('p', { class: 'verdict none' }, error)]);
  else showReasons(Object.assign(state.report, why));
}

// A why that takes long comes after its plan.
function showWhy(answer, report, begun) {
  if (state.report !== report) return;
  state.whole = true;
  state.took.push(['why', performance.now() - begun]);
  explain(answer);
  document.getElementById('why').classList.remove('stale');
  status();
  seen('explained', state.shown, begun);
}

// Plans at the energy prices so far; why is asked about what is shown, unless it is old already.
function plan(asked, begun, scenario, settled = false) {
  quick.ask({ plan: { scenario, energy_prices: state.prices } }, answer => {
    if (asked < state.shown) return;
    if (settled) state.settledFor = asked;
    show(answer, asked, begun);
    const { report } = state;
    if (report && !state.whole && !quick.waiting.length) quick.ask({ why: {} }, found => showWhy(found, report, begun));
  }, { why: {} });
}

function changed() {
  // Of an event all counts, its way to the page too.
  const asked = ++state.asked, begun = window.event?.timeStamp ?? performance.now(), scenario = toml(state.scenario);
  plan(asked, begun, scenario);
  map.show(state.scenario, state.report);
  clearTimeout(later);
  later = setTimeout(() => settling.ask({ settle: scenario }, answer => {
    if (asked !== state.asked) return;
    const failed = answer.error !== undefined;
    const moved = !failed && Object.entries(answer.settle).some(([name, price]) => price !== (state.prices[name] ?? 0));
    if (moved) {
      state.prices = answer.settle;
      return plan(asked, performance.now(), scenario, true);
    }
    // What is shown, or is about to be, is at these prices.
    state.settledFor = asked;
    if (failed) showNone(answer.error);
    else if (state.shown === asked) status();
  }), 120);
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
document.getElementById('save').addEventListener('click', () => {
  const link = el('a', { href: URL.createObjectURL(new Blob([toml(state.scenario)], { type: 'application/toml' })), download: 'playground.toml' });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});
document.getElementById('results').addEventListener('click', event => {
  const key = event.target.closest('tr[data-node]')?.dataset.node;
  const node = map.nodes?.find(node => keyOf(node) === key);
  if (node) map.pick(node);
});

moduleBytes().then(module => {
  quick = new Asked(module);
  settling = new Asked(module);
  choose('six-devices');
}).catch(error => showNone(`This browser cannot start the module (${error.message}). It needs WebAssembly and DecompressionStream: Chrome 80, Firefox 113, Safari 16.4 or later.`));
