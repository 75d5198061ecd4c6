// The module answers in workers, so that the page never waits. What is asked while one is busy waits; of several questions of a kind
// only the last is asked. What is asked next about an answer, `then`, may be answered with it: as `also`.
class Asked {
  constructor(module) {
    const code = document.getElementById('worker').textContent;
    this.waiting = [];
    this.worker = new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
    this.worker.postMessage({ module });
    this.worker.onmessage = ({ data }) => {
      const answered = this.busy;
      this.busy = undefined;
      // First, as it may ask about this answer.
      answered(data);
      if (!this.busy && this.waiting.length) this.post(this.waiting.shift());
    };
  }
  ask(request, answered, then) {
    const [kind] = Object.keys(request);
    this.waiting = this.waiting.filter(waits => waits.kind !== kind);
    this.waiting.push({ kind, request, answered, then });
    if (!this.busy) this.post(this.waiting.shift());
  }
  post({ request, answered, then }) {
    this.busy = answered;
    this.worker.postMessage({ request, then });
  }
}

async function moduleBytes() {
  const coded = atob(document.getElementById('module').textContent);
  const packed = Uint8Array.from(coded, letter => letter.charCodeAt(0));
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
}
