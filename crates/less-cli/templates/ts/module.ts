// Every handler can load this: import { greet } from '{{name}}';
export const greet = (name: string): string => `Hello, ${name}.`;
