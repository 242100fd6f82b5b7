import http from 'node:http';

const timeoutMs = 1000;
const probeEveryMs = 100;
const connections = 64;
const atOnce = 8;

const newAgent = (keepAlive) =>
  keepAlive
    ? new http.Agent({ keepAlive, maxSockets: connections, scheduling: 'fifo' })
    : new http.Agent({ keepAlive: false });

/** One request; its status and milliseconds. No answer within a second counts as status 0: nobody waits longer. */
function ask(url, agent) {
  return new Promise((resolve) => {
    const start = performance.now();
    let settled = false;
    const settle = (status) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      resolve({ status, ms: performance.now() - start });
    };
    const req = http.get(url, { agent }, (res) => {
      res.resume();
      res.on('end', () => settle(res.statusCode));
      res.on('error', () => settle(0));
    });
    req.on('error', () => settle(0));
    const timer = setTimeout(() => {
      settle(0);
      req.destroy();
    }, timeoutMs);
  });
}

/** Eight clients that wait for each answer: what the server can do. */
export async function closedLoop(origin, { keepAlive, seconds }) {
  const agent = newAgent(keepAlive);
  const start = performance.now();
  const until = start + seconds * 1000;
  let answers = 0;
  const client = async () => {
    while (performance.now() < until) {
      const { status } = await ask(`${origin}/work`, agent);
      if (status === 200) answers++;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, client));
  agent.destroy();
  return { perSecond: (1000 * answers) / (performance.now() - start) };
}

/** Independent clients: requests arrive at random times (a Poisson process), whatever the server does. */
export async function openLoop(origin, { keepAlive, perSecond, seconds, settle = true }) {
  const agent = newAgent(keepAlive);
  const probeAgent = newAgent(false);
  const asked = [];
  const probes = [];
  const start = performance.now();
  let next = start;
  await new Promise((resolve) => {
    const probing = setInterval(() => probes.push(ask(`${origin}/livez`, probeAgent)), probeEveryMs);
    const step = () => {
      const now = performance.now();
      while (next <= now) {
        asked.push(ask(`${origin}/work`, agent));
        next += (-Math.log(1 - Math.random()) * 1000) / perSecond;
      }
      if (now - start < seconds * 1000) {
        setTimeout(step, 1);
        return;
      }
      clearInterval(probing);
      resolve();
    };
    step();
  });
  const took = (performance.now() - start) / 1000;
  if (!settle) return undefined;
  const answers = await Promise.all(asked);
  const answeredProbes = (await Promise.all(probes)).filter(({ status }) => status === 200).length;
  agent.destroy();
  const times = answers.filter(({ status }) => status === 200).map(({ ms }) => ms);
  times.sort((a, b) => a - b);
  return {
    seconds: took,
    useful: times.length,
    refused: answers.filter(({ status }) => status === 503).length,
    p99: times[Math.ceil(times.length * 0.99) - 1] ?? Number.NaN,
    probes: probes.length,
    probesAnswered: answeredProbes,
  };
}
