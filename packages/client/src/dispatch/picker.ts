/** Chooses one of `parts` for a path. O(length of the path) by hash, O(1) in turn. */
export type Picker = (path: string) => number

export function createPicker(pick: 'round-robin' | 'hash', parts: number): Picker {
  if (pick === 'hash') return (path) => hashOf(path) % parts
  let next = 0
  return () => {
    const part = next
    next = next + 1 === parts ? 0 : next + 1
    return part
  }
}

/** FNV-1a over UTF-16 code units: spreads paths that differ in their last letter. Not for untrusted balance. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash >>> 0
}
