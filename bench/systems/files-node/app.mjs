// A file up and down as Node.js does it by itself: piped to the disk and synced, piped from it. In pieces of a MiB it takes
// half the processor time that it takes in its usual ones, of 64 KiB.
import fs from 'node:fs';
import { open, rename, stat } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

const file = path.join(process.env.STATE, 'big');

async function put(request, response) {
  const fresh = await open(`${file}.new`, 'w');
  await pipeline(request, fresh.createWriteStream({ flush: true, highWaterMark: 1 << 20 }));
  await rename(`${file}.new`, file);
  const folder = await open(path.dirname(file));
  await folder.sync();
  await folder.close();
  response.writeHead(200, { 'content-length': 0 }).end();
}

async function get(response) {
  const { size } = await stat(file);
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size });
  await pipeline(fs.createReadStream(file, { highWaterMark: 1 << 20 }), response);
}

http.createServer((request, response) => {
  if (request.url === '/hello') return response.end('hello');
  const done = request.method === 'PUT' ? put(request, response) : get(response);
  done.catch((error) => response.destroy(error));
}).listen(Number(process.env.PORT), '127.0.0.1');
