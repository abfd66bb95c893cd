import fs from 'node:fs';
import path from 'node:path';

import { writeSite } from '../site.mjs';
import { here, ready, settings, start } from '../supervisor.mjs';

const site = path.join(settings.state, 'site');
writeSite(site);
const own = (name) => path.join(settings.state, name);
const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((of) => `${of}_temp_path ${own(of)};`).join(' ');

fs.writeFileSync(own('nginx.conf'), `
daemon off;
pid ${own('nginx.pid')};
error_log ${own('nginx.err')} warn;
worker_processes auto;
events { worker_connections 4096; }
http {
  ${temporary}
  types { text/html html; text/javascript js; }
  access_log off;
  sendfile on;
  tcp_nopush on;
  gzip_static on;
  open_file_cache max=1000 inactive=60s;
  keepalive_requests 1000000000;
  server { listen 127.0.0.1:${settings.port} reuseport; root ${site}; }
}
`);
start('front', here('../.peers/nginx'), ['-c', own('nginx.conf'), '-e', own('nginx.err')], { output: 'nginx.log' });
await ready();
