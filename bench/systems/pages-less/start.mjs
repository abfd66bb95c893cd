import { execFileSync } from 'node:child_process';
import path from 'node:path';

import { program } from '../less/system.mjs';
import { writeSite } from '../site.mjs';
import { ready, settings, tellProcess, whenEnding } from '../supervisor.mjs';

const project = path.join(settings.state, 'pages');
writeSite(path.join(project, 'less/statics/pages'));
const env = { ...process.env, LESS_HOME: path.join(settings.state, 'home') };
const less = (...args) => execFileSync(program(), args, { cwd: project, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

less('server', 'start', '--port', '0', '--control-port', '0', '--site-port', String(settings.port));
whenEnding(() => less('server', 'stop'));
const deployed = less('deploy', '--static', 'pages');
if (!deployed.includes(`- pages: http://localhost:${settings.port}`)) throw new Error(`port ${settings.port} is taken`);
tellProcess('server', JSON.parse(less('server', 'status', '--json')).pid);
await ready();
