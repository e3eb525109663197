import { codeLengths, codes, endOfString } from './huffman-code.ts'

/*
 * Decoding is an automaton whose states are the inner nodes of the code's tree (256 of them, 0 is the root) and whose input
 * is half a byte. A code has at least five bits, so that half a byte completes at most one symbol. One entry per
 * state and half byte:
 *
 *   | 19 .. 18 |   17   |   16   | 15 ..  8 | 7 .. 0 |
 *              | fails  | emits  |  symbol  | state  |
 */
const emits = 1 << 16
const fails = 1 << 17

const { steps, accepting } = buildAutomaton()

/** The most bytes that {@link decodeHuffman} can make of so many: no code is shorter than five bits. */
export function decodedBytesMax(encodedBytes: number): number {
  return Math.floor((encodedBytes * 8) / 5)
}

/**
 * Decodes a Huffman-coded string into `out`, which has room for {@link decodedBytesMax}. Linear; two look-ups per byte.
 *
 * @returns where the decoded bytes end; -1 where the input holds the end of a string, or padding that is no padding: more
 *   than seven bits, or not all ones.
 * Source: RFC 7541, section 5.2.
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number, out: Uint8Array, outAt: number): number {
  let state = 0
  let to = outAt
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    const first = steps[(state << 4) | (byte >>> 4)]!
    if ((first & emits) !== 0) out[to++] = first >>> 8
    const second = steps[((first & 0xff) << 4) | (byte & 0xf)]!
    if ((second & emits) !== 0) out[to++] = second >>> 8
    if (((first | second) & fails) !== 0) return -1
    state = second & 0xff
  }
  return accepting[state] === 1 ? to : -1
}

/** Bytes that a string has when Huffman-coded, padding included. */
export function huffmanBytes(text: Uint8Array): number {
  let bits = 0
  for (const byte of text) bits += codeLengths[byte]!
  return Math.ceil(bits / 8)
}

/** Writes a string Huffman-coded; {@link huffmanBytes} says how much room it takes. @returns where it ends. */
export function encodeHuffman(text: Uint8Array, out: Uint8Array, start: number): number {
  let at = start
  let pending = 0
  let pendingBits = 0
  for (const byte of text) {
    // At most 7 + 30 bits: more than a bitwise operation has, but not more than a number.
    pending = pending * 2 ** codeLengths[byte]! + codes[byte]!
    pendingBits += codeLengths[byte]!
    for (; pendingBits >= 8; pendingBits -= 8) {
      const rest = 2 ** (pendingBits - 8)
      out[at++] = Math.floor(pending / rest)
      pending %= rest
    }
  }
  if (pendingBits > 0) out[at++] = (pending << (8 - pendingBits)) | (0xff >>> pendingBits)
  return at
}

/** Builds the tree from the codes, then walks half a byte from each of its inner nodes. */
function buildAutomaton(): { steps: Uint32Array; accepting: Uint8Array } {
  const tree = buildTree()
  const steps = new Uint32Array(tree.length * 16)
  for (let node = 0; node < tree.length; node++) {
    for (let nibble = 0; nibble < 16; nibble++) steps[(node << 4) | nibble] = walk(tree, node, nibble)
  }
  // What a string may end in: the root, and up to seven ones behind it, which begin the end of a string.
  const accepting = new Uint8Array(tree.length)
  for (let node = 0, bits = 0; bits <= 7; bits++) {
    accepting[node] = 1
    node = tree[node]![1]
  }
  return { steps, accepting }
}

/** A node's two children: the index of an inner node, or `~symbol`. Index 0, the root, is nobody's child: not set yet. */
type Tree = [zero: number, one: number][]

function buildTree(): Tree {
  const tree: Tree = [[0, 0]]
  for (let symbol = 0; symbol <= endOfString; symbol++) {
    const bits = codeLengths[symbol]!
    let node = 0
    for (let bit = bits - 1; bit > 0; bit--) {
      const branch = (codes[symbol]! >>> bit) & 1
      if (tree[node]![branch] === 0) tree[node]![branch] = tree.push([0, 0]) - 1
      node = tree[node]![branch]!
    }
    tree[node]![codes[symbol]! & 1] = ~symbol
  }
  return tree
}

function walk(tree: Tree, from: number, nibble: number): number {
  let node = from
  let emitted = 0
  for (let bit = 3; bit >= 0; bit--) {
    const child = tree[node]![(nibble >>> bit) & 1]!
    if (child >= 0) node = child
    else if (~child === endOfString) return fails
    else {
      emitted = emits | (~child << 8)
      node = 0
    }
  }
  return emitted | node
}
