/**
 * Header fields to read: a record with names in lower case, as Node's `headers`; a list of names and values in turn, as Node's
 * `rawHeaders`, with names in any case; or something with a `get`, as `Headers` and `Map`.
 */
export type FieldSource =
  Readonly<Record<string, string | readonly string[] | undefined>> | readonly string[] | Gettable

interface Gettable {
  get(name: string): string | readonly string[] | null | undefined
}

/** Header fields to write: a record, or something with `set` and `delete`, as `Headers` and `Map`. */
export type FieldTarget = Record<string, string | string[] | undefined> | Settable

interface Settable {
  set(name: string, value: string): unknown
  delete(name: string): unknown
}

/** The value of a field, or those of its lines, in order. @param name in lower case. */
export function readField(source: FieldSource, name: string): string | readonly string[] | undefined {
  if (Array.isArray(source)) return readListed(source as readonly string[], name)
  if (isGettable(source)) return source.get(name) ?? undefined
  return (source as Readonly<Record<string, string | readonly string[] | undefined>>)[name]
}

function readListed(list: readonly string[], name: string): readonly string[] | undefined {
  let lines: string[] | undefined
  for (let at = 0; at + 1 < list.length; at += 2) {
    const found = list[at]!
    if (found.length === name.length && found.toLowerCase() === name) (lines ??= []).push(list[at + 1]!)
  }
  return lines
}

/** Sets a field, or sees to it that there is none where `value` is undefined. */
export function writeField(target: FieldTarget, name: string, value: string | undefined): void {
  if (isSettable(target)) {
    if (value === undefined) target.delete(name)
    else target.set(name, value)
    return
  }
  if (value !== undefined) target[name] = value
  else if (target[name] !== undefined) delete target[name]
}

/** The value of a header is text: where `get` or `set` is a function, it is a method and no header of that name. */
function isGettable(source: FieldSource): source is Gettable {
  return typeof (source as { get?: unknown }).get === 'function'
}

function isSettable(target: FieldTarget): target is Settable {
  return typeof (target as { set?: unknown }).set === 'function'
}
