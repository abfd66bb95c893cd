// Answers each frame (its length in four bytes, then so many) with the same frame: a hand-over to a Node.js process that
// does nothing.

import net from 'node:net';

let read = Buffer.alloc(0);
const socket = net.connect(process.argv[2]);
socket.on('data', (bytes) => {
  read = read.length === 0 ? bytes : Buffer.concat([read, bytes]);
  while (read.length >= 4 && read.length >= 4 + read.readUInt32LE(0)) {
    const length = 4 + read.readUInt32LE(0);
    socket.write(read.subarray(0, length));
    read = read.subarray(length);
  }
});
