import { greeting } from 'base';
import part from './deep/part';

export const text: string = `${greeting} from ${part}`;
