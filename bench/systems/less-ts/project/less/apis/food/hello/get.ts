interface Answer {
  headers: Record<string, string>;
  body: string;
}

export const process = async (): Promise<Answer> => ({ headers: { 'content-type': 'text/plain' }, body: 'hello' });
