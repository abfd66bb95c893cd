import { note } from 'notes';

export async function process(order: unknown): Promise<void> {
  note('heard', ['two', order]);
}
