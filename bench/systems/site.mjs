// The site that is served by all: a page, and a script that a build tool has compressed beside it.

import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';

export const SCRIPT = 'assets/app-8d2f1c0a.js';

/** Words that compress about as well as programs do, the same every time. */
function program(bytes) {
  let text = '';
  for (let n = 1; text.length < bytes; n = (n * 48271) % 0x7fffffff) text += `export const v${n % 9973} = f(${n % 97}, 'w${n % 389}');\n`;
  return text.slice(0, bytes);
}

export function writeSite(folder) {
  fs.mkdirSync(path.join(folder, 'assets'), { recursive: true });
  const write = (name, content) => fs.writeFileSync(path.join(folder, name), content);
  write('hello', 'hello');
  write('index.html', `<!doctype html>\n<script type=module src=/${SCRIPT}></script>\n<p>${'Hello. '.repeat(280)}</p>\n`);
  const script = program(128 << 10);
  write(SCRIPT, script);
  write(`${SCRIPT}.gz`, zlib.gzipSync(script, { level: 9 }));
}
