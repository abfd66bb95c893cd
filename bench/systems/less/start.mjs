import { deployed } from './system.mjs';

await deployed('less/project');
