// A server of the bench in a separate process. It sends the parent its port and, for each message, its CPU time.
import { once } from 'node:events';

const { server: file, options, load } = JSON.parse(process.argv[2]);
const { start } = await import(`./servers/${file}.js`);
const server = await start(options, load);
if (!server.listening) await once(server, 'listening');

// a server that is a program of its own counts for itself
process.on('message', () => process.send((server.cpuUsage ?? process.cpuUsage)()));
process.on('disconnect', () => process.exit());
process.send({ port: server.address().port });
