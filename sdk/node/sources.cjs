'use strict';
// From what a build made to what its author wrote: TypeScript's `.js` and its `.ts`, by the source map.

const fs = require('node:fs');
const { SourceMap } = require('node:module');
const { fileURLToPath, pathToFileURL } = require('node:url');

/**
 * The file that a file was made of, and `at(line, column)`: the place in it, counted from 1. Undefined
 * for a file that nobody made, or whose source is not there.
 */
function sourceOf(file) {
  try {
    const text = fs.readFileSync(file, 'utf8');
    const url = /^\/\/# sourceMappingURL=(\S+)\s*$/m.exec(text.slice(text.lastIndexOf('//# sourceMappingURL=')))?.[1];
    if (!url) return undefined;
    const place = new URL(url, pathToFileURL(file));
    const isInline = place.protocol === 'data:';
    const payload = JSON.parse(isInline ? inline(url) : fs.readFileSync(fileURLToPath(place), 'utf8'));
    const folder = payload.sourceRoot ? `${payload.sourceRoot.replace(/\/?$/, '/')}` : '';
    const source = fileURLToPath(new URL(folder + payload.sources[0], isInline ? pathToFileURL(file) : place));
    if (!fs.existsSync(source)) return undefined;
    const map = new SourceMap(payload);
    return { file: source, at: (line, column) => placeIn(map, line, column) };
  } catch {
    // No map, or one that cannot be read: then the file speaks for itself.
    return undefined;
  }
}

function inline(url) {
  const [, kind, data] = /^data:([^,]*),(.*)$/s.exec(url);
  return kind.endsWith(';base64') ? Buffer.from(data, 'base64').toString() : decodeURIComponent(data);
}

function placeIn(map, line, column) {
  const { originalLine, originalColumn } = map.findEntry(line - 1, column - 1);
  return originalLine === undefined ? undefined : { line: originalLine + 1, column: originalColumn + 1 };
}

module.exports = { sourceOf };
