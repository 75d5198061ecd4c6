// Answers requests with the module, in order. A module that failed is thrown away: its memory is no longer to be trusted.
let bytes, exports;
const start = async () => ({ exports } = (await WebAssembly.instantiate(bytes)).instance);
function answer(request) {
  const text = new TextEncoder().encode(JSON.stringify(request));
  const at = exports.collapipe_input(text.length);
  new Uint8Array(exports.memory.buffer, at, text.length).set(text);
  const length = exports.collapipe_answer();
  return JSON.parse(new TextDecoder().decode(new Uint8Array(exports.memory.buffer, exports.collapipe_output(), length)));
}
onmessage = async ({ data }) => {
  if (data.module) bytes = data.module;
  if (!data.request) return;
  try {
    if (!exports) await start();
    const begun = performance.now();
    const answered = answer(data.request);
    postMessage({ ...answered, milliseconds: performance.now() - begun });
  } catch (error) {
    exports = undefined;
    postMessage({ error: `the module failed (${error.message}); please report this scenario` });
  }
};
