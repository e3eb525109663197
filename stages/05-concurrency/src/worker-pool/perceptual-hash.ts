/** Sides of the picture that the transform looks at, and of the part of its result that makes the hash. */
const side = 32
const hashSide = 8

/**
 * A perceptual hash: pictures that look alike have hashes of which few bits differ. Synchronous and pure; the time is
 * proportional to the pixels, plus a constant for the transform.
 *
 *     pixels ── box blur ──► smaller ──► 32 × 32 ── DCT ──► lowest 8 × 8 frequencies ── above their median? ──► 64 bits
 *
 * @param pixels brightness, row by row, `size` × `size`.
 * @param size of a side, at least 32.
 * @returns 16 hexadecimal digits.
 * Source: C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions (2010), section 3.2.1.
 */
export function perceptualHash(pixels: Uint8Array, size: number): string {
  const small = shrunk(blurred(pixels, size), size)
  const frequencies = transformed(small)
  // The first one is the mean brightness, which says nothing about the picture.
  const median = medianOf(frequencies.subarray(1))
  let digits = ''
  for (let at = 0; at < frequencies.length; at += 4) {
    let nibble = 0
    for (let bit = 0; bit < 4; bit++) nibble = (nibble << 1) | (frequencies[at + bit]! > median ? 1 : 0)
    digits += nibble.toString(16)
  }
  return digits
}

/** How many bits of two hashes differ, 0 to 64. */
export function hashDistance(left: string, right: string): number {
  let bits = BigInt(`0x${left}`) ^ BigInt(`0x${right}`)
  let count = 0
  for (; bits !== 0n; bits &= bits - 1n) count++
  return count
}

/** Each pixel as the mean of the nine around it; at the edges the picture is continued by its edge. */
function blurred(pixels: Uint8Array, size: number): Float32Array {
  const result = new Float32Array(size * size)
  for (let y = 0; y < size; y++) {
    const above = Math.max(0, y - 1) * size
    const here = y * size
    const below = Math.min(size - 1, y + 1) * size
    for (let x = 0; x < size; x++) {
      const left = Math.max(0, x - 1)
      const right = Math.min(size - 1, x + 1)
      result[here + x] =
        (pixels[above + left]! +
          pixels[above + x]! +
          pixels[above + right]! +
          pixels[here + left]! +
          pixels[here + x]! +
          pixels[here + right]! +
          pixels[below + left]! +
          pixels[below + x]! +
          pixels[below + right]!) /
        9
    }
  }
  return result
}

/** 32 × 32, each the mean of what it covers. */
function shrunk(pixels: Float32Array, size: number): Float64Array {
  const result = new Float64Array(side * side)
  for (let y = 0; y < side; y++) {
    const [fromY, toY] = covered(y, size)
    for (let x = 0; x < side; x++) {
      const [fromX, toX] = covered(x, size)
      let sum = 0
      for (let row = fromY; row < toY; row++)
        for (let column = fromX; column < toX; column++) sum += pixels[row * size + column]!
      result[y * side + x] = sum / ((toY - fromY) * (toX - fromX))
    }
  }
  return result
}

function covered(place: number, size: number): [from: number, to: number] {
  return [Math.floor((place * size) / side), Math.floor(((place + 1) * size) / side)]
}

/** The lowest frequencies of the discrete cosine transform (DCT-II), rows first, then columns. */
function transformed(pixels: Float64Array): Float64Array {
  const rows = new Float64Array(side * hashSide)
  for (let y = 0; y < side; y++) {
    for (let v = 0; v < hashSide; v++) {
      let sum = 0
      for (let x = 0; x < side; x++) sum += pixels[y * side + x]! * cosines[v * side + x]!
      rows[y * hashSide + v] = sum
    }
  }
  const result = new Float64Array(hashSide * hashSide)
  for (let u = 0; u < hashSide; u++) {
    for (let v = 0; v < hashSide; v++) {
      let sum = 0
      for (let y = 0; y < side; y++) sum += rows[y * hashSide + v]! * cosines[u * side + y]!
      result[u * hashSide + v] = sum
    }
  }
  return result
}

const cosines = Float64Array.from({ length: hashSide * side }, (_, index) => {
  const frequency = Math.floor(index / side)
  return Math.cos((Math.PI / side) * ((index % side) + 0.5) * frequency)
})

function medianOf(values: Float64Array): number {
  const sorted = values.toSorted()
  return sorted[sorted.length >> 1]!
}
