// The map: nodes that have positions, and the pipeline of the last plan.
const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 640, HEIGHT = 480, MARGIN = 44;

function drawn(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Every node of the scenario: what it is, where, and its name as plans have it.
function nodesOf(scenario) {
  return scenario.clusters.flatMap((cluster, index) => [
    { cluster: index, kind: 'control unit', name: 'control unit', spec: cluster.control_unit },
    ...cluster.devices.map((spec, device) => ({ cluster: index, kind: 'device', device, name: spec.name, spec })),
    { cluster: index, kind: 'edge server', name: 'edge server', spec: cluster.edge_server },
  ]).filter(node => node.spec?.position);
}

const keyOf = node => `${node.cluster}/${node.name}`;

class Map_ {
  constructor(svg, moved, chosen) {
    Object.assign(this, { svg, moved, chosen });
    svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    svg.addEventListener('pointermove', event => this.drag(event));
    for (const name of ['pointerup', 'pointercancel']) svg.addEventListener(name, () => this.drop());
    for (const [name, heard] of [['pointerdown', 'grab'], ['focusin', 'focused'], ['keydown', 'step']])
      svg.addEventListener(name, event => {
        const key = event.target.closest('[data-key]')?.dataset.key, node = this.nodes.find(node => keyOf(node) === key);
        if (node) this[heard](event, node);
      });
  }
  // The part of the plane that is shown: all nodes, and room to drag them.
  frame(nodes) {
    const x = nodes.map(node => node.spec.position.x_m), y = nodes.map(node => node.spec.position.y_m);
    const [left, right, low, high] = [Math.min(...x), Math.max(...x), Math.min(...y), Math.max(...y)];
    const metres = Math.max((right - left) / (WIDTH - 2 * MARGIN), (high - low) / (HEIGHT - 2 * MARGIN), 0.02);
    this.view = { metres: metres * 1.1, x: (left + right) / 2, y: (low + high) / 2 };
  }
  place({ x_m, y_m }) {
    const { metres, x, y } = this.view;
    return [WIDTH / 2 + (x_m - x) / metres, HEIGHT / 2 - (y_m - y) / metres];
  }
  show(scenario, report, reframe) {
    this.nodes = nodesOf(scenario);
    document.getElementById('map-says').hidden = this.nodes.length === 0;
    this.svg.style.display = this.nodes.length ? '' : 'none';
    if (!this.nodes.length) return;
    if (reframe || !this.view) this.frame(this.nodes);
    const works = new Map();
    for (const [index, cluster] of (report?.clusters ?? []).entries())
      for (const device of cluster.devices) if (device.blocks) works.set(`${index}/${device.name}`, device.blocks[1] - device.blocks[0]);
    // Nodes that stay are the same elements, and keep the focus.
    fill(this.svg, [
      drawn('defs', {}, drawn('marker', { id: 'tip', viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 6, markerHeight: 6, orient: 'auto' },
        drawn('path', { d: 'M0 0L8 4L0 8z' }))),
      drawn('g', {}, ...this.hops(report)), this.scale(), ...this.nodes.map(node => this.node(node, works, report))]);
  }
  hops(report) {
    return (report?.clusters ?? []).flatMap((cluster, index) => {
      const at = new Map(this.nodes.filter(node => node.cluster === index).map(node => [node.name, this.place(node.spec.position)]));
      const stages = (cluster.pipeline?.stages ?? []).map(name => at.get(name)).filter(Boolean);
      return stages.slice(1).map((end, stage) => {
        const [from, to] = [stages[stage], end], length = Math.hypot(to[0] - from[0], to[1] - from[1]);
        const back = length > 40 ? 17 / length : 0;
        const near = from.map((value, axis) => value + (to[axis] - value) * back), far = to.map((value, axis) => value + (from[axis] - value) * back);
        return drawn('path', { class: 'hop', d: `M${near}L${far}`, 'marker-end': 'url(#tip)' });
      });
    });
  }
  scale() {
    const metres = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find(metres => metres / this.view.metres > 50) ?? 1000;
    const end = 14 + metres / this.view.metres;
    return drawn('g', {}, drawn('path', { class: 'axis', d: `M14 ${HEIGHT - 14}H${end}` }),
      drawn('text', { x: (14 + end) / 2, y: HEIGHT - 19 }, `${metres} m`));
  }
  node(node, works, report) {
    const [x, y] = this.place(node.spec.position), held = works.get(keyOf(node));
    const active = node.kind !== 'device' ? Boolean(report) : held !== undefined;
    const position = node.spec.position;
    return drawn('g', { class: `node${active ? ' works' : ''}${this.picked === keyOf(node) ? ' chosen' : ''}`, transform: `translate(${x} ${y})`,
      tabindex: 0, role: 'button', 'data-key': keyOf(node),
      'aria-label': `${node.name}, ${held ? `${held} blocks, ` : ''}at ${position.x_m.toFixed(1)}, ${position.y_m.toFixed(1)} m; arrow keys move it` },
    node.kind === 'device' ? drawn('circle', { r: 14 }) : drawn('rect', { x: -13, y: -13, width: 26, height: 26, rx: node.kind === 'edge server' ? 0 : 6 }),
    drawn('circle', { class: 'ring', r: 20 }),
    ...(held ? [drawn('text', { class: 'held', y: 4 }, String(held))] : []),
    drawn('text', { y: 31 }, node.name));
  }
  focused(_, node) {
    this.pick(node);
  }
  step(event, node) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const size = event.shiftKey ? 0.1 : 1, position = node.spec.position;
    this.put(node, position.x_m + size * step[0], position.y_m + size * step[1]);
  }
  pick(node) {
    const before = this.picked;
    this.picked = keyOf(node);
    if (before !== this.picked) {
      for (const group of this.svg.querySelectorAll('.node')) group.classList.toggle('chosen', group.dataset.key === this.picked);
      this.chosen(node);
    }
  }
  grab(event, node) {
    this.pick(node);
    // Where in the node it was taken: the node must not jump under the pointer.
    const at = this.pointer(event), [x, y] = this.place(node.spec.position);
    this.dragged = { node, pointer: event.pointerId, off: [x - at.x, y - at.y] };
    this.svg.setPointerCapture(event.pointerId);
    event.preventDefault();
    this.svg.querySelector(`[data-key="${CSS.escape(keyOf(node))}"]`)?.focus({ preventScroll: true });
  }
  pointer(event) {
    return new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
  }
  drag(event) {
    if (this.dragged?.pointer !== event.pointerId) return;
    const at = this.pointer(event), [offX, offY] = this.dragged.off;
    const inside = (value, most) => Math.min(Math.max(value, 16), most - 16), { metres, x, y } = this.view;
    this.put(this.dragged.node, x + (inside(at.x + offX, WIDTH) - WIDTH / 2) * metres, y - (inside(at.y + offY, HEIGHT) - HEIGHT / 2) * metres);
  }
  drop() {
    this.dragged = undefined;
  }
  // To a decimetre: more is not on the map.
  put(node, x, y) {
    const round = value => Math.round(10 * value) / 10;
    Object.assign(node.spec.position, { x_m: round(x), y_m: round(y) });
    this.moved();
  }
}
