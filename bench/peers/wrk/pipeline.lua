-- Puts as many requests into one write as the first argument says. wrk then waits for all their answers.
function init(arguments)
  local depth = tonumber(arguments[1])
  local requests = {}
  for index = 1, depth do
    requests[index] = wrk.format()
  end
  pipelined = table.concat(requests)
end

function request()
  return pipelined
end
