export async function process(): Promise<{ body: string }> {
  return { body: 'export function' };
}
