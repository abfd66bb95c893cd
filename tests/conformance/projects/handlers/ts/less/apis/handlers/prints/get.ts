import { stderr } from 'node:process';

export const process = async () => {
  console.log('to standard output', { deep: [1] });
  console.error('to standard error');
  stderr.write('in two ');
  stderr.write('parts\n');
};
