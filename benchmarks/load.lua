-- For wrk: posts the articles of a JSON-lines file in turn; tells statuses and times of all answers.
-- wrk -s benchmarks/load.lua URL -- FILE

local threads = {}
local articles = {}
local position = 0

function setup(thread)
  thread:set("seed", #threads)
  table.insert(threads, thread)
end

function init(arguments)
  statuses = ""
  counts = {}
  for line in io.lines(arguments[1]) do
    articles[#articles + 1] = wrk.format("POST", "/api/evaluate", {["Content-Type"] = "application/json"}, line)
  end
  position = seed * 97
end

function request()
  position = position % #articles + 1
  return articles[position]
end

function response(status)
  counts[status] = (counts[status] or 0) + 1
  statuses = ""
  for code, count in pairs(counts) do
    statuses = statuses .. code .. "=" .. count .. " "
  end
end

function done(summary, latency)
  local totals = {}
  for _, thread in ipairs(threads) do
    for code, count in string.gmatch(thread:get("statuses"), "(%d+)=(%d+)") do
      totals[code] = (totals[code] or 0) + tonumber(count)
    end
  end
  local errors = summary.errors
  io.write("RESULT {\"seconds\": ", summary.duration / 1e6, ", \"p50\": ", latency:percentile(50) / 1e3)
  io.write(", \"p95\": ", latency:percentile(95) / 1e3, ", \"p99\": ", latency:percentile(99) / 1e3)
  io.write(", \"broken\": ", errors.connect + errors.read + errors.write + errors.timeout, ", \"statuses\": {")
  local separator = ""
  for code, count in pairs(totals) do
    io.write(separator, "\"", code, "\": ", count)
    separator = ", "
  end
  io.write("}}\n")
end
