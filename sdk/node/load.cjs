'use strict';
// Imports the handlers of a version and says, for their authors, why one cannot be served.
//
// In: the `Load` frame's root and handlers. Out: a table to call them by, or problems, each with its
// file (relative to the root, with a line where one is known), what is wrong, and a hint.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { fileURLToPath, pathToFileURL } = require('node:url');
const { clean } = require('./errors.cjs');

/** How many syntax errors without a place are looked up, each in a process of its own. */
const LOOK_UPS = 8;

const EXAMPLES = {
  route: 'exports.process = async (request, response) => { … }, or export const process = …',
  subscriber: 'exports.process = async (message) => { … }, or export const process = …',
};

/** A handler that can be called. */
class Handler {
  constructor({ path: identity, kind }, owner, middlewares) {
    this.path = identity;
    this.isRoute = kind === 'route';
    this.owner = owner; // `this` within process, as for a method of the module
    this.process = owner.process;
    this.middlewares = middlewares;
    this.wantsContext = this.process.length >= (this.isRoute ? 3 : 2);
  }

  runRoute(request, response, context) {
    const { process, owner } = this;
    return this.wantsContext ? process.call(owner, request, response, context) : process.call(owner, request, response);
  }

  runSubscriber(message, context) {
    const { process, owner } = this;
    return this.wantsContext ? process.call(owner, message, context) : process.call(owner, message);
  }
}

/**
 * All handlers, in order; with problems, the table has gaps. One after the other, each announced with
 * `begin(place)`: so it is known which of them blocks or ends the process.
 */
async function load(root, handlers, begin) {
  const problems = new Map();
  const lookUps = { left: LOOK_UPS };
  const table = [];
  for (const [place, handler] of handlers.entries()) {
    const file = path.join(root, handler.file);
    begin(place);
    try {
      table.push(toHandler(handler, await import(pathToFileURL(file).href)));
    } catch (error) {
      const problem =
        error instanceof BadHandler ? { file: handler.file, message: error.message } : explain(error, root, file, lookUps);
      // A fault in a shared module shows in every handler that uses it: told once.
      problems.set(`${problem.file}\n${problem.message}`, problem);
      table.push(undefined);
    }
  }
  return { table, problems: [...problems.values()] };
}

class BadHandler extends Error {}

function toHandler(handler, module) {
  const process = module.process ?? module.default?.process;
  const owner = module.default?.process === process ? module.default : module;
  if (process === undefined || process === null) {
    throw new BadHandler(`does not export 'process'\nhint: ${EXAMPLES[handler.kind]}`);
  }
  if (typeof process !== 'function') {
    throw new BadHandler(
      `exports a 'process' that is no function but ${kindOf(process)}\nhint: ${EXAMPLES[handler.kind]}`,
    );
  }
  return new Handler(handler, owner, handler.kind === 'route' ? toMiddlewares(module) : []);
}

function toMiddlewares(module) {
  const middlewares = module.middlewares ?? module.default?.middlewares ?? [];
  const hint = 'hint: exports.middlewares = [(request, response, next) => { … }]';
  // It would be left out without a word, and it may be the one that asks for a password.
  if ((module.middleware ?? module.default?.middleware) !== undefined) {
    throw new BadHandler(`exports 'middleware', which is not used; did you mean 'middlewares'?\n${hint}`);
  }
  if (!Array.isArray(middlewares)) {
    throw new BadHandler(`exports 'middlewares' that are no array but ${kindOf(middlewares)}\n${hint}`);
  }
  const wrong = middlewares.findIndex((middleware) => typeof middleware !== 'function');
  if (wrong >= 0) {
    throw new BadHandler(
      `item ${wrong + 1} of 'middlewares' is no function but ${kindOf(middlewares[wrong])}\n${hint}`,
    );
  }
  return [...middlewares];
}

function kindOf(value) {
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Why an import failed, and where. */
function explain(error, root, file, lookUps) {
  if (/^(ERR_)?MODULE_NOT_FOUND$/.test(error?.code)) return missingModule(error, root, file);
  let stack = typeof error?.stack === 'string' ? error.stack : '';
  const isSyntax = error instanceof SyntaxError;
  if (isSyntax && !placeOf(stack, root) && lookUps.left-- > 0) stack = compileElsewhere(file);
  const place = placeOf(stack, root) ?? path.relative(root, file);
  if (isSyntax) return { file: place, message: `syntax error: ${error.message}${excerpt(stack)}` };
  const thrown = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { file: place, message: `fails while it is loaded: ${thrown}${ownFrames(error)}` };
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

/** `file:line`, relative to the root, from a stack's first line (syntax errors) or its first frame in the project. */
function placeOf(stack, root) {
  for (const line of stack.split('\n')) {
    const [, url, number] =
      /^((?:file:\/\/)?\/.*):(\d+)$/.exec(line) ??
      /^\s+at (?:.*\()?((?:file:\/\/)?\/[^()]*):(\d+):\d+\)?$/.exec(line) ??
      [];
    if (!url) continue;
    const relative = path.relative(root, url.startsWith('file://') ? fileURLToPath(url) : url);
    if (!relative.startsWith('..') && !relative.includes('node_modules')) return `${relative}:${number}`;
  }
  return undefined;
}

/** The line of source and the mark below it, as Node shows them above a syntax error. */
function excerpt(stack) {
  const found = /^(?:file:\/\/)?\/.*:\d+\n(.*)\n(\s*\^+)\s*$/m.exec(stack);
  return found ? `\n    ${found[1].trimEnd()}\n    ${found[2]}` : '';
}

function ownFrames(error) {
  const frames =
    typeof error?.stack === 'string'
      ? clean(error.stack)
          .split('\n')
          .filter((line) => /^\s+at /.test(line))
      : [];
  return frames.map((frame) => `\n${frame}`).join('');
}

function missingModule(error, root, file) {
  const wanted = /Cannot find (?:module|package) '([^']+)'/.exec(error.message)?.[1] ?? error.message;
  const importer = error.requireStack?.[0] ?? / imported from (.+)$/m.exec(error.message)?.[1] ?? file;
  const from = importer.startsWith('file://') ? fileURLToPath(importer) : importer;
  const relative = path.relative(root, from);
  const isOurs = !relative.startsWith('..') && !relative.includes('node_modules/');
  const written = path.isAbsolute(wanted) ? relativeTo(from, wanted) : wanted;
  const line = isOurs ? lineOf(from, written) : undefined;
  const place = (isOurs ? relative : path.relative(root, file)) + (line ? `:${line}` : '');
  const message = written.startsWith('.')
    ? `cannot find '${written}'\nhint: ${hintForPath(path.resolve(path.dirname(from), wanted), written)}`
    : missingPackage(written, isOurs ? '' : `, which ${relative} needs`);
  return { file: place, message };
}

function missingPackage(specifier, by) {
  const parts = specifier.split('/');
  const name = parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
  const add = `add it to the dependencies in package.json (npm install ${name})`;
  return `cannot find the package '${name}'${by}\nhint: ${add}; a shared module is a folder less/shared/${name}`;
}

function relativeTo(from, file) {
  const relative = path.relative(path.dirname(from), file);
  return relative.startsWith('.') ? relative : `./${relative}`;
}

function hintForPath(file, written) {
  const ending = ['.js', '.mjs', '.cjs', '.json', '/index.js', '/index.mjs', '/index.cjs'].find((end) =>
    fs.existsSync(file + end),
  );
  return ending
    ? `write '${written}${ending}': import needs the whole file name`
    : 'check its path, and that the file lies under less/';
}

/** The first line of a file that names a module in quotes, or something within it. */
function lineOf(file, specifier) {
  try {
    const lines = fs.readFileSync(file, 'utf8').split('\n');
    const index = lines.findIndex((line) =>
      [`'${specifier}'`, `"${specifier}"`, `'${specifier}/`, `"${specifier}/`].some((text) => line.includes(text)),
    );
    return index < 0 ? undefined : index + 1;
  } catch {
    return undefined;
  }
}

module.exports = { load };
