// A build of TypeScript for tests: as little of it as they use, with source maps as any has.

/** What is erased: whole declarations of types with their lines, and types of one capitalised word. */
const TYPES = /^(?:interface \w+ \{[^}]*\}|type \w+ = [^;]*;)\n|: [A-Z]\w*(?:<\w+>)?/gm;
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** The files of a project with a `.js` beside each `.ts`, as the server lays them out; `side`: maps are files of their own. */
export function build(files, { side = false } = {}) {
  const all = { ...files };
  for (const [name, source] of Object.entries(files)) {
    if (!name.endsWith('.ts')) continue;
    const script = name.replace(/\.ts$/, '.js');
    const { text, map } = transpile(source, name.split('/').at(-1));
    const inline = `data:application/json;charset=utf-8;base64,${Buffer.from(map).toString('base64')}`;
    all[script] = `${text}//# sourceMappingURL=${side ? `${script.split('/').at(-1)}.map` : inline}\n`;
    if (side) all[`${script}.map`] = map;
  }
  return all;
}

function transpile(source, name) {
  let text = '';
  const mapped = []; // of each word: its offset in the text, and in the source
  let from = 0;
  for (const { index, 0: type } of [...source.matchAll(TYPES), { index: source.length, 0: '' }]) {
    const kept = source.slice(from, index);
    for (const word of kept.matchAll(/\w+|[^\w\s]/g)) mapped.push([text.length + word.index, from + word.index]);
    text += kept;
    from = index + type.length;
  }
  const mappings = toMappings(mapped, text, source);
  return { text, map: JSON.stringify({ version: 3, sources: [name], names: [], mappings }) };
}

function toMappings(mapped, text, source) {
  const lines = [];
  let [line, column] = [0, 0];
  for (const [at, from] of mapped) {
    const [generated, original] = [placeOf(text, at), placeOf(source, from)];
    const before = lines[generated.line]?.column ?? 0;
    const segment = [generated.column - before, 0, original.line - line, original.column - column].map(vlq).join('');
    lines[generated.line] = {
      column: generated.column,
      segments: [...(lines[generated.line]?.segments ?? []), segment],
    };
    [line, column] = [original.line, original.column];
  }
  return Array.from(lines, (one) => one?.segments.join(',') ?? '').join(';');
}

function placeOf(text, offset) {
  const lines = text.slice(0, offset).split('\n');
  return { line: lines.length - 1, column: lines.at(-1).length };
}

function vlq(number) {
  let left = number < 0 ? (-number << 1) | 1 : number << 1;
  let digits = '';
  do {
    digits += DIGITS[(left & 31) | (left > 31 ? 32 : 0)];
    left >>>= 5;
  } while (left > 0);
  return digits;
}
