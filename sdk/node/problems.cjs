'use strict';
// Why a handler cannot be loaded, for its author: file and line (relative to the root), what is wrong, a hint.
//
// In: what an import threw. Out: a problem. Of what a build made (TypeScript) the author's file is named.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { fileURLToPath, pathToFileURL } = require('node:url');
const { clean } = require('./errors.cjs');
const { sourceOf } = require('./sources.cjs');
const { meant } = require('./words.cjs');

const SDK = '@chuva.io/less';

/** How many syntax errors without a place are looked up, each in a process of its own. */
const LOOK_UPS = 8;

class Problems {
  constructor(root) {
    this.root = root;
    this.lookUps = LOOK_UPS;
  }

  /** Why the import of a handler failed, and where. */
  explain(error, handler) {
    const file = path.join(this.root, handler.file);
    if (NOT_FOUND.has(error?.code)) return this.missingModule(error, file);
    const isSyntax = error instanceof SyntaxError;
    let stack = typeof error?.stack === 'string' ? error.stack : '';
    if (isSyntax && !this.placeOf(stack) && this.lookUps-- > 0) stack = compileElsewhere(file);
    const place = this.placeOf(stack);
    const told = place ? `${this.relative(place.file)}:${place.line}` : (handler.source ?? handler.file);
    if (isSyntax) {
      return {
        file: told,
        message: `syntax error: ${error.message}${excerpt(stack, place)}${hintForName(error, place)}`,
      };
    }
    const thrown = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const hint = hintForScope(error);
    return { file: told, message: `fails while it is loaded: ${thrown}${ownFrames(error)}${hint}` };
  }

  relative(file) {
    return path.relative(this.root, file);
  }

  /** Whether its author can change it. */
  isOwn(file) {
    const relative = this.relative(file);
    return !relative.startsWith('..') && !relative.includes('node_modules/');
  }

  /** File and line, from a stack's first line (syntax errors) or its first frame in the project. */
  placeOf(stack) {
    for (const text of stack.split('\n')) {
      const [, url, line, column = caretOf(stack)] =
        /^((?:file:\/\/)?\/.*):(\d+)$/.exec(text) ??
        /^\s+at (?:.*\()?((?:file:\/\/)?\/[^()]*):(\d+):(\d+)\)?$/.exec(text) ??
        [];
      if (!url) continue;
      const file = toPath(url);
      if (this.isOwn(file)) return written(file, Number(line), Number(column));
    }
    return undefined;
  }

  /** The names of the shared modules. */
  shared() {
    try {
      return fs.readdirSync(path.join(this.root, 'less/shared'));
    } catch {
      return [];
    }
  }

  missingModule(error, file) {
    const wanted = /(?:Cannot find (?:module|package)|Directory import) '([^']+)'/.exec(error.message)?.[1];
    const importer = toPath(error.requireStack?.[0] ?? / imported from (.+)$/m.exec(error.message)?.[1] ?? file);
    const isOwn = this.isOwn(importer);
    const author = sourceOf(importer)?.file ?? importer;
    const name = path.isAbsolute(wanted ?? '') ? relativeTo(importer, wanted) : (wanted ?? error.message);
    const message = name.startsWith('.')
      ? `cannot find '${name}'\nhint: ${hintForPath(author, name)}`
      : missingPackage(name, isOwn ? '' : `, which ${this.relative(importer)} needs`, this.shared());
    if (!isOwn) return { file: this.relative(sourceOf(file)?.file ?? file), message };
    const line = lineOf(author, name);
    return { file: `${this.relative(author)}${line ? `:${line}` : ''}`, message };
  }
}

const NOT_FOUND = new Set(['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND', 'ERR_UNSUPPORTED_DIR_IMPORT']);
const toPath = (url) => (url.startsWith('file://') ? fileURLToPath(url) : url);

/** Node shows places in what a build made as their author knows them, unless it could not compile it. */
function written(file, line, column) {
  const source = sourceOf(file);
  const place = source?.at(line, column);
  return place ? { file: source.file, line: place.line, isMapped: true } : { file, line, isMapped: false };
}

/** Node tells the place of a syntax error in an ES module only as it dies of it. */
function compileElsewhere(file) {
  const source = `import(${JSON.stringify(pathToFileURL(file).href)}).then(() => process.exit(0))`;
  const { stderr } = spawnSync(process.execPath, [...process.execArgv, '-e', source], {
    encoding: 'utf8',
    timeout: 10_000,
  });
  return stderr ?? '';
}

/** The line of source and the mark below it, as Node shows them above a syntax error. */
const EXCERPT = /^(?:file:\/\/)?\/.*:\d+\n(.*)\n(\s*\^+)\s*$/m;

function excerpt(stack, place) {
  if (place?.isMapped) return `\n    ${linesOf(place.file)[place.line - 1]?.trimEnd() ?? ''}`;
  const found = EXCERPT.exec(stack);
  return found ? `\n    ${found[1].trimEnd()}\n    ${found[2]}` : '';
}

const caretOf = (stack) => (EXCERPT.exec(stack)?.[2].indexOf('^') ?? 0) + 1;

/** A build that looks at one file at a time cannot know that a name it passes on is a type's. */
function hintForName(error, place) {
  const [, module, name] =
    /The requested module '([^']+)' does not provide an export named '([^']+)'/.exec(error.message) ?? [];
  if (!name || name === 'default') return '';
  if (module === SDK) {
    const nearest = meant(name, Object.keys(require('./index.cjs')));
    return nearest ? `\nhint: did you mean '${nearest}'?` : '';
  }
  // Node finds the names of a CommonJS package only where its text shows them.
  if (!module.startsWith('.')) {
    const local = module.split('/').pop().replace(/\W/g, '_');
    return `\nhint: if '${name}' is no type, write: import ${local} from '${module}'; const { ${name} } = ${local};`;
  }
  return place?.file.endsWith('.ts') ? `\nhint: if '${name}' is a type, say so: import type, or export type` : '';
}

/** A file with `import` or `export` in it is an ES module, and knows no `exports` and no `require`. */
function hintForScope(error) {
  const [, name] = /^(exports|module|require) is not defined in ES module scope/.exec(error?.message) ?? [];
  if (!name) return '';
  const instead = name === 'require' ? "import … from '…'" : 'export const process = …';
  return `\nhint: this file has import or export in it: write ${instead}, as there is no ${name} beside them`;
}

function ownFrames(error) {
  const frames = typeof error?.stack === 'string' ? clean(error.stack).split('\n') : [];
  return frames
    .filter((line) => /^\s+at /.test(line))
    .map((frame) => `\n${frame}`)
    .join('');
}

function missingPackage(specifier, by, shared) {
  const isScoped = specifier.startsWith('@');
  const name = specifier
    .split('/')
    .slice(0, isScoped ? 2 : 1)
    .join('/');
  // Short names are near to one another without being meant.
  const nearest = meant(name, [SDK, ...shared], Math.max(1, name.length / 3));
  const add = `add it to the dependencies in package.json (npm install ${name})`;
  const module = isScoped ? '' : `; a shared module is a folder less/shared/${name}`;
  const hint = nearest ? `did you mean '${nearest}'? Else ${add}` : `${add}${module}`;
  return `cannot find the package '${name}'${by}\nhint: ${hint}`;
}

function relativeTo(from, file) {
  const relative = path.relative(path.dirname(from), file);
  return relative.startsWith('.') ? relative : `./${relative}`;
}

const ENDINGS = ['.js', '.mjs', '.cjs', '.json', '/index.js', '/index.mjs', '/index.cjs'];
const ENDINGS_TS = ['.ts', '/index.ts', ...ENDINGS];

function hintForPath(author, name) {
  const file = path.resolve(path.dirname(author), name);
  const ending = (author.endsWith('.ts') ? ENDINGS_TS : ENDINGS).find((end) => fs.existsSync(file + end));
  return ending
    ? `write '${name}${ending}': import needs the whole file name`
    : 'check its path, and that the file lies under less/';
}

/** The first line of a file that names a module in quotes, or something within it. */
function lineOf(file, name) {
  const index = linesOf(file).findIndex((line) =>
    [`'${name}'`, `"${name}"`, `'${name}/`, `"${name}/`].some((text) => line.includes(text)),
  );
  return index < 0 ? undefined : index + 1;
}

function linesOf(file) {
  try {
    return fs.readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}

module.exports = { Problems };
