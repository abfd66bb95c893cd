import { here, ready, settings, start } from '../supervisor.mjs';

start('front', here('../../target/release/hello-axum'), [], { output: 'front.log', env: { PORT: settings.port } });
await ready();
