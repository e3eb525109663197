/** Values of one argument that are looked at. */
const valuesMax = 1024
/** What a value without contents of its own counts. */
const valueBytes = 16

export function isShared(buffer: ArrayBufferLike): boolean {
  return buffer instanceof SharedArrayBuffer
}

/**
 * What an argument holds on to, roughly: buffers and text in full, 16 bytes for every other value. Shared memory counts nothing,
 * because others hold it too. O(values), at most 1024 of them.
 */
export function bytesOf(value: unknown): number {
  if (typeof value === 'string') return valueBytes + 2 * value.length
  return typeof value === 'object' && value !== null ? bytesOfObject(value) : valueBytes
}

function bytesOfObject(root: object): number {
  if (ArrayBuffer.isView(root)) return valueBytes + (isShared(root.buffer) ? 0 : root.byteLength)
  if (root instanceof ArrayBuffer) return valueBytes + root.byteLength
  let bytes = 0
  let looked = 0
  const found: object[] = [root]
  const seen = new Set<unknown>()
  for (let value = found.pop(); value !== undefined && looked < valuesMax; value = found.pop()) {
    if (seen.has(value)) continue
    seen.add(value)
    bytes += valueBytes
    for (const part of partsOf(value)) {
      if (++looked >= valuesMax) break
      if (typeof part === 'object' && part !== null && !ArrayBuffer.isView(part) && !(part instanceof ArrayBuffer)) {
        found.push(part)
      } else bytes += bytesOf(part)
    }
  }
  return bytes
}

function partsOf(value: object): Iterable<unknown> {
  if (value instanceof Map) return [...value.entries()].slice(0, valuesMax).flat()
  if (value instanceof Set) return value.values()
  return Object.values(value)
}
