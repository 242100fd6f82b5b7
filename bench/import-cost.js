// Imports the packages of its arguments and prints the milliseconds and the heap they took. Needs --expose-gc.
globalThis.gc();
const heapBefore = process.memoryUsage().heapUsed;
const start = performance.now();
for (const name of process.argv.slice(2)) await import(name);
const ms = performance.now() - start;
globalThis.gc();
console.log(JSON.stringify({ ms, heapBytes: process.memoryUsage().heapUsed - heapBefore }));
