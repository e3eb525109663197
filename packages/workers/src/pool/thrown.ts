/** What a task threw, in a form that a batch can hold. */
export interface Thrown {
  name: string
  message: string
  stack: string
  code: string | null
  /** What was thrown is no Error; this is it, as text. */
  text: string | null
}

/** Letters of a message or trace that travel. */
const lettersMax = 2000

/** Never throws, whatever was thrown. */
export function packThrown(thrown: unknown): Thrown {
  try {
    if (!(thrown instanceof Error)) return { ...nameless, text: cut(String(thrown)) }
    const { name, message, stack, code } = thrown as Record<keyof Thrown, unknown>
    return {
      name: cut(String(name)),
      message: cut(String(message)),
      stack: cut(String(stack)),
      code: typeof code === 'string' ? cut(code) : null,
      text: null,
    }
  } catch {
    return { ...nameless, text: 'a value that cannot be shown' }
  }
}

const nameless: Thrown = { name: '', message: '', stack: '', code: null, text: null }

/** The error as the caller's thread sees it: name, message, stack and code are those of the original. */
export function unpackThrown({ name, message, stack, code, text }: Thrown): unknown {
  if (text !== null) return text
  const error = new Error(message)
  error.name = name
  error.stack = stack
  return code === null ? error : Object.assign(error, { code })
}

function cut(text: string): string {
  return text.length > lettersMax ? `${text.slice(0, lettersMax)}…` : text
}
