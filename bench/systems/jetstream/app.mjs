// Workers and front in one process.

import './workers.mjs';
import './front.mjs';
