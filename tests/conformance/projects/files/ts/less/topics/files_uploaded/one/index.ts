import type { FileEntry } from '@chuva.io/less';
import { note } from 'notes';

export const process = async (file: FileEntry) => note('uploaded', file);
