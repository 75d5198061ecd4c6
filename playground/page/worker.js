// Answers requests with the module, in order. A module that failed is thrown away: its memory is no longer to be trusted.
let bytes, exports;
const start = async () => ({ exports } = (await WebAssembly.instantiate(bytes)).instance);

// What a second question took the last time [ms]. Up to so many it is answered with the first, so that both are in one picture
// that still comes at once.
const TOGETHER = 40;
let second = 0;

function answer(request) {
  const text = new TextEncoder().encode(JSON.stringify(request));
  const at = exports.collapipe_input(text.length);
  new Uint8Array(exports.memory.buffer, at, text.length).set(text);
  const length = exports.collapipe_answer();
  return JSON.parse(new TextDecoder().decode(new Uint8Array(exports.memory.buffer, exports.collapipe_output(), length)));
}

async function answered(request, measured) {
  const begun = performance.now();
  try {
    if (!exports) await start();
    return answer(request);
  } catch (error) {
    exports = undefined;
    return { error: `the module failed (${error.message}); please report this scenario` };
  } finally {
    if (measured) second = performance.now() - begun;
  }
}

onmessage = async ({ data }) => {
  if (data.module) bytes = data.module;
  if (!data.request) return;
  const first = await answered(data.request, data.request.why);
  const together = data.then && first.error === undefined && second <= TOGETHER;
  postMessage(together ? { ...first, also: await answered(data.then, true) } : first);
};
