// What only TypeScript has: enums, interfaces, generics, `satisfies`.
interface Named<T extends string> {
  name: T;
}

enum Style {
  Const = 'export const',
}

const style = { name: Style.Const } satisfies Named<Style>;

export const process = async (): Promise<{ body: string }> => ({ body: style.name });
