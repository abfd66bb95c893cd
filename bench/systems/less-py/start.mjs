// The project of `less`, in Python.

import { deployed } from '../less/system.mjs';

await deployed('less-py/project');
