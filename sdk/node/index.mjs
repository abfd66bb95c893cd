// The SDK for `import`: the very objects that `require` gives.
import sdk from './index.cjs';

export const { topics, sockets, functions, kvs, files, NonRetriableError, CallError, FunctionError } = sdk;
export default sdk;
