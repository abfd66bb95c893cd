// Less as a user has it: a project is deployed on a server of its own home, with everything at its default. The program is
// the one that LESS_CLI names.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { here, ready, settings, tellProcess, whenEnding } from '../supervisor.mjs';

/** The program that is measured. */
export function program() {
  const cli = process.env.LESS_CLI ?? here('../../target/release/less-cli');
  if (!fs.existsSync(cli)) throw new Error(`${cli} does not exist; build it (cargo build --release -p less-cli) or set LESS_CLI`);
  return cli;
}

export async function deployed(folder) {
  const cli = program();
  const project = path.join(settings.state, 'food');
  fs.cpSync(here(folder), project, { recursive: true });
  shareCompletion(project);
  const env = {
    ...process.env,
    COMPLETIONS: process.env.COMPLETIONS ?? '',
    LESS_HOME: path.join(settings.state, 'home'),
    LESS_PORT: String(settings.port),
  };
  const less = (...args) => execFileSync(cli, args, { cwd: project, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

  whenEnding(() => less('server', 'stop'));
  less('deploy', 'food');
  const { pid } = JSON.parse(less('server', 'status', '--json'));
  tellProcess('server', pid);
  for (const worker of childrenOf(pid)) tellProcess('worker', worker);
  await ready('/food/apis/food');
}

/** The module that the peers use is a shared module here; a project in Python brings its own. */
function shareCompletion(project) {
  const module = path.join(project, 'less/shared/completion');
  if (fs.existsSync(module)) return;
  fs.mkdirSync(module, { recursive: true });
  fs.copyFileSync(here('../completion.cjs'), path.join(module, 'index.js'));
}

const childrenOf = (pid) => fs.readdirSync(`/proc/${pid}/task`)
  .flatMap((task) => fs.readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean));
