// What is shown becomes like what was just made, where they differ: what stays needs no style, no layout and no paint, and keeps its focus.
function become(old, fresh) {
  if (old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return undefined;
  }
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  if (old.attributes.length > fresh.attributes.length)
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  if (fresh.svg !== undefined) old.svg = fresh.svg;
  return fill(old, [...fresh.childNodes]);
}

function fill(parent, fresh) {
  let old = parent.firstChild;
  for (const child of fresh) {
    const next = old && old.nextSibling;
    if (old) become(old, child);
    else parent.append(child);
    old = next;
  }
  while (old) {
    const next = old.nextSibling;
    old.remove();
    old = next;
  }
}

// A drawing with a style of its own, which must not be the page's. In the dark its lightness is turned around.
class Chart extends HTMLElement {
  get svg() {
    return this.text;
  }
  set svg(text) {
    if (this.text === text) return;
    this.text = text;
    if (this.isConnected) this.draw();
  }
  connectedCallback() {
    this.draw();
  }
  draw() {
    const tags = this.text.match(/<[^>]+>[^<]*/g) ?? [];
    if (!this.shadowRoot) {
      const style = ':host { display: block; overflow-x: auto } svg { width: 100%; min-width: 32rem; height: auto } @media (prefers-color-scheme: dark) { svg { filter: invert(.91) hue-rotate(180deg) } }';
      this.attachShadow({ mode: 'open' }).append(el('div'), el('style', {}, style));
    }
    if (!this.tags || !this.changed(tags)) {
      const [host] = this.shadowRoot.children;
      host.innerHTML = this.text;
      this.elements = [...host.querySelectorAll('*')];
    }
    this.tags = tags;
  }
  // A drag changes numbers and few words: these are set one by one, in a tenth of the time. False where more has changed.
  changed(tags) {
    const parts = /^<(\w+)((?: [\w:-]+="[^"&>]*")*)\/?>([^<&]*)$/, values = / ([\w:-]+)="([^"]*)"/g;
    const names = attributes => attributes.replaceAll(values, ' $1');
    const set = [];
    let element = -1;
    if (tags.length !== this.tags.length) return false;
    for (const [place, tag] of tags.entries()) {
      const old = this.tags[place], opens = old[1] !== '/';
      if (opens) element += 1;
      if (old === tag) continue;
      const [, name, attributes, text] = tag.match(parts) ?? [], [, oldName, oldAttributes, oldText] = old.match(parts) ?? [];
      const of = this.elements[element];
      if (!opens || !name || name !== oldName || names(attributes) !== names(oldAttributes) || (text !== oldText && of.childElementCount)) return false;
      set.push(() => {
        for (const [, name, value] of attributes.matchAll(values)) if (of.getAttribute(name) !== value) of.setAttribute(name, value);
        if (text !== oldText) of.textContent = text;
      });
    }
    for (const change of set) change();
    return true;
  }
}
customElements.define('plan-chart', Chart);
