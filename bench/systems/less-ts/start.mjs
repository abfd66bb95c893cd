// The project of `less`, in TypeScript.

import { deployed } from '../less/system.mjs';

await deployed('less-ts/project');
