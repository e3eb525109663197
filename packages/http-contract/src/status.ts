/** The reason phrases of the statuses that these servers send themselves, as Node writes them. */
const statusTexts: Readonly<Record<number, string>> = {
  100: 'Continue',
  200: 'OK',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Payload Too Large',
  417: 'Expectation Failed',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  505: 'HTTP Version Not Supported',
}

/** The reason phrase behind a status; empty, which is allowed (RFC 9112 section 4), where we never send that status. */
export function statusText(status: number): string {
  return statusTexts[status] ?? ''
}
