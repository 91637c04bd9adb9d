-- Wireshark dissector of the WRAITH wire protocol, version 1 (docs/protocol.md).
--
-- Goes into Wireshark's folder of personal Lua plugins (Help > About > Folders), or:
--   tshark -X lua_script:wraith.lua -r capture.pcapng
-- Sessions are recognised by their handshake on any port, and everything in a file of `wraith capture`. A
-- capture of something else that begins in the middle of a session is decoded on UDP port 41641, or with
-- "Decode As". With the key log of `wraith capture --keys` Data packets are decrypted and authenticated:
--   tshark -o wraith.keylog:keys.txt ...

local wraith = Proto("wraith", "WRAITH")

local HEADER, TAG = 16, 16
local VERSION = 1
local INIT, RESPONSE, FINAL, DATA, RETRY = 1, 2, 3, 4, 5
local MIN_INIT = 1200

local PACKET_TYPES = { [1] = "Init", [2] = "Response", [3] = "Final", [4] = "Data", [5] = "Retry" }

local FRAME_TYPES = {
  [0x00] = "PADDING", [0x01] = "PING", [0x02] = "ACK", [0x04] = "RESET_STREAM", [0x05] = "STOP_SENDING",
  [0x08] = "STREAM", [0x09] = "STREAM", [0x10] = "MAX_DATA", [0x11] = "MAX_STREAM_DATA",
  [0x12] = "MAX_STREAMS", [0x1a] = "PATH_CHALLENGE", [0x1b] = "PATH_RESPONSE", [0x1c] = "CLOSE",
  [0x20] = "REKEY", [0x30] = "DATAGRAM",
}

local CLOSE_CODES = {
  [0] = "no_error", [1] = "internal_error", [2] = "frame_encoding", [3] = "flow_control",
  [4] = "stream_limit", [5] = "stream_state", [6] = "final_size", [7] = "protocol_violation",
  [8] = "not_allowed", [9] = "key_expired", [10] = "aead_limit", [11] = "too_many_sessions",
  [12] = "shutting_down", [13] = "superseded",
}

local STREAM_CODES = {
  [0] = "cancelled", [1] = "unknown_type", [2] = "refused", [3] = "malformed", [4] = "limit", [5] = "internal",
}

local STREAM_TYPES = { [1] = "transfer", [2] = "share", [3] = "relay" }
local DATAGRAM_TYPES = { [1] = "dht", [2] = "rendezvous" }
local REKEY_ROLES = { [0] = "request", [1] = "response" }

local f = {
  type = ProtoField.uint8("wraith.type", "Packet type", base.DEC, PACKET_TYPES),
  version = ProtoField.uint8("wraith.version", "Protocol version"),
  epoch = ProtoField.uint8("wraith.epoch", "Key epoch mod 4"),
  reserved = ProtoField.uint16("wraith.reserved", "Reserved", base.HEX),
  receiver = ProtoField.uint32("wraith.receiver", "Receiver index", base.HEX),
  number_field = ProtoField.uint64("wraith.number_field", "Number field (zero)"),
  number = ProtoField.uint64("wraith.number", "Packet number"),
  responder = ProtoField.uint64("wraith.responder", "Responder's index", base.HEX),
  ephemeral = ProtoField.bytes("wraith.noise.ephemeral", "Ephemeral public key"),
  static = ProtoField.bytes("wraith.noise.static", "Static public key (encrypted)"),
  payload = ProtoField.bytes("wraith.noise.payload", "Payload: identity and parameters (encrypted)"),
  token_length = ProtoField.uint8("wraith.token.length", "Token length"),
  token = ProtoField.bytes("wraith.token", "Retry token"),
  token_time = ProtoField.double("wraith.token.time", "Time of issue (ms, the responder's own clock)"),
  token_mac = ProtoField.bytes("wraith.token.mac", "Authenticator"),
  padding = ProtoField.bytes("wraith.padding", "Padding"),
  ciphertext = ProtoField.bytes("wraith.ciphertext", "Ciphertext"),
  tag = ProtoField.bytes("wraith.tag", "Authentication tag"),
  decrypted = ProtoField.bytes("wraith.decrypted", "Decrypted frames"),
  key_epoch = ProtoField.uint32("wraith.key_epoch", "Key epoch"),
  frame_type = ProtoField.uint8("wraith.frame", "Frame type", base.HEX, FRAME_TYPES),
  frame_padding = ProtoField.uint32("wraith.frame.padding", "Bytes of padding"),
  ack_largest = ProtoField.uint64("wraith.ack.largest", "Largest acknowledged"),
  ack_delay = ProtoField.uint64("wraith.ack.delay", "Delay (us)"),
  ack_range = ProtoField.string("wraith.ack.range", "Range"),
  stream_id = ProtoField.uint64("wraith.stream.id", "Stream id"),
  stream_offset = ProtoField.uint64("wraith.stream.offset", "Offset"),
  stream_length = ProtoField.uint64("wraith.stream.length", "Length"),
  stream_fin = ProtoField.bool("wraith.stream.fin", "Ends the stream"),
  stream_type = ProtoField.uint8("wraith.stream.type", "Stream type", base.DEC, STREAM_TYPES),
  stream_code = ProtoField.uint64("wraith.stream.code", "Code", base.DEC, STREAM_CODES),
  stream_size = ProtoField.uint64("wraith.stream.final_size", "Final size"),
  limit = ProtoField.uint64("wraith.limit", "Limit"),
  path_data = ProtoField.string("wraith.path.data", "Challenge"),
  close_code = ProtoField.uint64("wraith.close.code", "Code", base.DEC, CLOSE_CODES),
  close_reason = ProtoField.string("wraith.close.reason", "Reason"),
  rekey_epoch = ProtoField.uint64("wraith.rekey.epoch", "Next epoch"),
  rekey_role = ProtoField.uint8("wraith.rekey.role", "Role", base.DEC, REKEY_ROLES),
  datagram_type = ProtoField.uint8("wraith.datagram.type", "Message type", base.DEC, DATAGRAM_TYPES),
  datagram_length = ProtoField.uint64("wraith.datagram.length", "Length"),
}
wraith.fields = f

local expert_malformed = ProtoExpert.new("wraith.malformed", "Malformed", expert.group.MALFORMED, expert.severity.ERROR)
local expert_forged = ProtoExpert.new("wraith.forged", "No key opens it", expert.group.DECRYPTION, expert.severity.NOTE)
wraith.experts = { expert_malformed, expert_forged }

wraith.prefs.keylog = Pref.string("Key log file", "", "What wraith capture --keys wrote")
wraith.prefs.shown = Pref.uint("Decrypted bytes to show", 2000, "Packets up to this long are decrypted whole")

local interface_name = Field.new("frame.interface_name")

---------------------------------------------------------------------------------------------------------------
-- ChaCha20-Poly1305 (RFC 8439), because Lua in Wireshark has no cipher that every version knows. ChaCha20 makes
-- each 64 bytes of its stream by themselves, so a long STREAM frame is passed over without decrypting it.
---------------------------------------------------------------------------------------------------------------

local WORD = 4294967296
local floor = math.floor

local bxor, rol
if bit32 then
  bxor, rol = bit32.bxor, bit32.lrotate
elseif pcall(require, "bit") then
  local library = require("bit")
  bxor, rol = library.bxor, library.rol
else
  -- Lua 5.3 and later: operators that older ones cannot parse.
  bxor = load("return function(a, b) return (a ~ b) & 0xffffffff end")()
  rol = load("return function(a, n) a = a & 0xffffffff return ((a << n) | (a >> (32 - n))) & 0xffffffff end")()
end

local function quarter(x, a, b, c, d)
  local xa, xb, xc, xd = x[a], x[b], x[c], x[d]
  xa = (xa + xb) % WORD; xd = rol(bxor(xd, xa), 16)
  xc = (xc + xd) % WORD; xb = rol(bxor(xb, xc), 12)
  xa = (xa + xb) % WORD; xd = rol(bxor(xd, xa), 8)
  xc = (xc + xd) % WORD; xb = rol(bxor(xb, xc), 7)
  x[a], x[b], x[c], x[d] = xa, xb, xc, xd
end

-- 64 bytes of key stream as 16 words.
local function chacha_block(key, counter, nonce_low, nonce_high)
  local start = {
    0x61707865, 0x3320646e, 0x79622d32, 0x6b206574,
    key[1], key[2], key[3], key[4], key[5], key[6], key[7], key[8],
    counter, 0, nonce_low, nonce_high,
  }
  local x = {}
  for i = 1, 16 do x[i] = start[i] end
  for _ = 1, 10 do
    quarter(x, 1, 5, 9, 13); quarter(x, 2, 6, 10, 14); quarter(x, 3, 7, 11, 15); quarter(x, 4, 8, 12, 16)
    quarter(x, 1, 6, 11, 16); quarter(x, 2, 7, 12, 13); quarter(x, 3, 8, 9, 14); quarter(x, 4, 5, 10, 15)
  end
  for i = 1, 16 do x[i] = floor((x[i] + start[i]) % WORD) end
  return x
end

local function word_byte(word, index)
  return floor(word / 256 ^ index) % 256
end

local function words_to_bytes(words, count)
  local bytes = {}
  for i = 0, count - 1 do bytes[i + 1] = word_byte(words[floor(i / 4) + 1], i % 4) end
  return bytes
end

-- Numbers of 130 bits as six limbs of 22. `high` is the bit that Poly1305 puts behind each full block.
local LIMB = 4194304

local function limbs(b, high)
  return {
    b[1] + b[2] * 256 + b[3] % 64 * 65536,
    floor(b[3] / 64) + b[4] * 4 + b[5] * 1024 + b[6] % 16 * 262144,
    floor(b[6] / 16) + b[7] * 16 + b[8] * 4096 + b[9] % 4 * 1048576,
    floor(b[9] / 4) + b[10] * 64 + b[11] * 16384,
    b[12] + b[13] * 256 + b[14] % 64 * 65536,
    floor(b[14] / 64) + b[15] * 4 + b[16] * 1024 + high * 262144,
  }
end

local function carry(h)
  for i = 1, 5 do
    h[i + 1] = h[i + 1] + floor(h[i] / LIMB)
    h[i] = h[i] % LIMB
  end
end

-- h * r modulo 2^130 - 5: what overflows six limbs (2^132) comes back times 20.
local function multiply(h, r)
  local product = {}
  for i = 1, 6 do
    local sum = 0
    for j = 1, 6 do
      local k = i - j + 1
      sum = sum + (k >= 1 and h[j] * r[k] or h[j] * r[k + 6] * 20)
    end
    product[i] = sum
  end
  carry(product)
  local over = floor(product[6] / 1048576)
  product[6] = product[6] % 1048576
  product[1] = product[1] + over * 5
  carry(product)
  return product
end

-- Whether `tag` is Poly1305 over `text`, a string whose length is a multiple of 16.
local function authenticates(one_time_key, text, tag)
  local key = words_to_bytes(one_time_key, 32)
  for _, i in ipairs({ 4, 8, 12, 16 }) do key[i] = key[i] % 16 end
  for _, i in ipairs({ 5, 9, 13 }) do key[i] = key[i] - key[i] % 4 end
  local r = limbs(key, 0)
  local h = { 0, 0, 0, 0, 0, 0 }
  for at = 1, #text, 16 do
    local block = limbs({ text:byte(at, at + 15) }, 1)
    for i = 1, 6 do h[i] = h[i] + block[i] end
    h = multiply(h, r)
  end
  -- h may still be the modulus or a little more: then h + 5 has a bit 130.
  local reduced = { h[1] + 5, h[2], h[3], h[4], h[5], h[6] }
  carry(reduced)
  if reduced[6] >= 1048576 then
    reduced[6] = reduced[6] - 1048576
    h = reduced
  end
  local s = limbs({ key[17], key[18], key[19], key[20], key[21], key[22], key[23], key[24], key[25], key[26],
    key[27], key[28], key[29], key[30], key[31], key[32] }, 0)
  for i = 1, 6 do h[i] = h[i] + s[i] end
  carry(h)
  h[6] = h[6] % 262144
  local expected = limbs({ tag:byte(1, 16) }, 0)
  for i = 1, 6 do
    if h[i] ~= expected[i] then return false end
  end
  return true
end

local function padded(text)
  return text .. ("\0"):rep(-#text % 16)
end

local function length_bytes(length)
  local bytes = {}
  for i = 0, 7 do bytes[i + 1] = string.char(floor(length / 256 ^ i) % 256) end
  return table.concat(bytes)
end

local function opens(key, low, high, header, ciphertext, tag)
  local text = padded(header) .. padded(ciphertext) .. length_bytes(#header) .. length_bytes(#ciphertext)
  return authenticates(chacha_block(key, 0, low, high), text, tag)
end

-- A reader of the plaintext that decrypts only the blocks that are asked for.
local function plaintext(key, low, high, ciphertext)
  local blocks = {}
  local reader = { at = 0, length = #ciphertext }
  function reader.peek(at)
    local block = floor(at / 64)
    blocks[block] = blocks[block] or words_to_bytes(chacha_block(key, block + 1, low, high), 64)
    return bxor(ciphertext:byte(at + 1), blocks[block][at % 64 + 1])
  end
  function reader.byte()
    if reader.at >= reader.length then error("frame ends early", 0) end
    reader.at = reader.at + 1
    return reader.peek(reader.at - 1)
  end
  function reader.skip(count)
    if reader.at + count > reader.length then error("frame ends early", 0) end
    reader.at = reader.at + count
  end
  -- RFC 9000 section 16.
  function reader.varint()
    local first = reader.byte()
    local value = first % 64
    for _ = 2, 2 ^ floor(first / 64) do value = value * 256 + reader.byte() end
    return value
  end
  function reader.text(count)
    if reader.at + count > reader.length then error("frame ends early", 0) end
    local bytes = {}
    for i = 1, count do bytes[i] = string.char(reader.byte()) end
    return table.concat(bytes)
  end
  return reader
end

---------------------------------------------------------------------------------------------------------------
-- The key log: WRAITH_KEY <receiver index> <epoch> <key>
---------------------------------------------------------------------------------------------------------------

local keys = {}
local loaded_from = nil
-- Indexes of sessions in this capture, with the side of the session that chose them where that is known.
local known_indexes = {}
-- By packet of the capture, the key that opened it.
local key_of_packet = {}

local function load_keys()
  keys, key_of_packet = {}, {}
  loaded_from = wraith.prefs.keylog
  if loaded_from == "" then return end
  local file = io.open(loaded_from, "r")
  if file == nil then return end
  for line in file:lines() do
    local index, epoch, hex = line:match("^WRAITH_KEY (%x+) (%d+) (%x+)%s*$")
    if hex and #hex == 64 then
      local words = {}
      for i = 1, 8 do
        local a, b, c, d = hex:match("^(%x%x)(%x%x)(%x%x)(%x%x)", i * 8 - 7)
        words[i] = tonumber(d .. c .. b .. a, 16)
      end
      local receiver = tonumber(index, 16)
      keys[receiver] = keys[receiver] or {}
      table.insert(keys[receiver], { epoch = tonumber(epoch), words = words })
    end
  end
  file:close()
end

function wraith.init()
  known_indexes = {}
  load_keys()
end

function wraith.prefs_changed()
  if wraith.prefs.keylog ~= loaded_from then load_keys() end
end

---------------------------------------------------------------------------------------------------------------
-- Frames
---------------------------------------------------------------------------------------------------------------

local function u64(value)
  return UInt64.new(floor(value % WORD), floor(value / WORD))
end

-- Who sends to the side that chose an index.
local SENDER_TO = { initiator = "responder", responder = "initiator" }

-- Each takes the reader behind the type byte and `add(field, value)`, and returns what the info column says.
local FRAMES = {}

FRAMES[0x01] = function() return "PING" end

FRAMES[0x02] = function(reader, add)
  local high = reader.varint()
  add(f.ack_largest, u64(high))
  add(f.ack_delay, u64(reader.varint()))
  local further = reader.varint()
  local largest = high
  for i = 0, further do
    if i > 0 then high = high - reader.varint() - 2 end
    local low = high - reader.varint()
    if low < 0 then error("ACK range below packet number 0", 0) end
    add(f.ack_range, low == high and ("%.0f"):format(low) or ("%.0f-%.0f"):format(low, high))
    high = low
  end
  return ("ACK %.0f"):format(largest)
end

FRAMES[0x04] = function(reader, add)
  local id = reader.varint()
  add(f.stream_id, u64(id))
  add(f.stream_code, u64(reader.varint()))
  add(f.stream_size, u64(reader.varint()))
  return ("RESET_STREAM %.0f"):format(id)
end

FRAMES[0x05] = function(reader, add)
  local id = reader.varint()
  add(f.stream_id, u64(id))
  add(f.stream_code, u64(reader.varint()))
  return ("STOP_SENDING %.0f"):format(id)
end

local function stream(reader, add, fin)
  local id, offset, length = reader.varint(), reader.varint(), reader.varint()
  add(f.stream_id, u64(id))
  add(f.stream_offset, u64(offset))
  add(f.stream_length, u64(length))
  add(f.stream_fin, fin)
  local opener = id % 2 == 0 and "initiator" or "responder"
  if offset == 0 and length > 0 and reader.at < reader.length and reader.sender == opener then
    add(f.stream_type, reader.peek(reader.at))
  end
  reader.skip(length)
  return ("STREAM %.0f [%.0f, %.0f)%s"):format(id, offset, offset + length, fin and " end" or "")
end

FRAMES[0x08] = function(reader, add) return stream(reader, add, false) end
FRAMES[0x09] = function(reader, add) return stream(reader, add, true) end

FRAMES[0x10] = function(reader, add)
  local limit = reader.varint()
  add(f.limit, u64(limit))
  return ("MAX_DATA %.0f"):format(limit)
end

FRAMES[0x11] = function(reader, add)
  local id, limit = reader.varint(), reader.varint()
  add(f.stream_id, u64(id))
  add(f.limit, u64(limit))
  return ("MAX_STREAM_DATA %.0f %.0f"):format(id, limit)
end

FRAMES[0x12] = function(reader, add)
  local limit = reader.varint()
  add(f.limit, u64(limit))
  return ("MAX_STREAMS %.0f"):format(limit)
end

local function path(reader, add, name)
  local hex = reader.text(8):gsub(".", function(c) return ("%02x"):format(c:byte()) end)
  add(f.path_data, hex)
  return name
end

FRAMES[0x1a] = function(reader, add) return path(reader, add, "PATH_CHALLENGE") end
FRAMES[0x1b] = function(reader, add) return path(reader, add, "PATH_RESPONSE") end

FRAMES[0x1c] = function(reader, add)
  local code = reader.varint()
  add(f.close_code, u64(code))
  add(f.close_reason, reader.text(reader.varint()))
  return "CLOSE " .. (CLOSE_CODES[code] or ("%.0f"):format(code))
end

FRAMES[0x20] = function(reader, add)
  local epoch = reader.varint()
  add(f.rekey_epoch, u64(epoch))
  local role = reader.byte()
  add(f.rekey_role, role)
  reader.skip(32)
  return ("REKEY %.0f %s"):format(epoch, REKEY_ROLES[role] or role)
end

FRAMES[0x30] = function(reader, add)
  local length = reader.varint()
  add(f.datagram_length, u64(length))
  local name = "empty"
  if length > 0 and reader.at < reader.length then
    local type = reader.peek(reader.at)
    add(f.datagram_type, type)
    name = DATAGRAM_TYPES[type] or tostring(type)
  end
  reader.skip(length)
  return "DATAGRAM " .. name
end

-- Adds every frame to the tree. A stream cipher keeps places: what a frame covers is where its ciphertext is.
local function add_frames(reader, body, tree)
  local summary = {}
  while reader.at < reader.length do
    local start = reader.at
    local type = reader.byte()
    local additions = {}
    local said
    if type == 0 then
      while reader.at < reader.length and reader.peek(reader.at) == 0 do reader.at = reader.at + 1 end
      table.insert(additions, { f.frame_padding, reader.at - start })
      said = "PADDING"
    elseif FRAMES[type] then
      said = FRAMES[type](reader, function(field, value) table.insert(additions, { field, value }) end)
    else
      error(("unknown frame type 0x%02x"):format(type), 0)
    end
    local range = body(start, reader.at - start)
    local item = tree:add(f.frame_type, range, type)
    item:set_text(said)
    for _, addition in ipairs(additions) do item:add(addition[1], range, addition[2]) end
    table.insert(summary, said)
  end
  return table.concat(summary, ", ")
end

-- The key that opens the packet: the one found before, or the first that authenticates it.
local function find_key(pinfo, tvb, low, high)
  local found = key_of_packet[pinfo.number]
  if found ~= nil then return found or nil end
  local epoch = tvb(1, 1):uint()
  local length = tvb:len() - HEADER - TAG
  for _, key in ipairs(keys[tvb(4, 4):uint()] or {}) do
    if key.epoch % 4 == epoch and
      opens(key.words, low, high, tvb:raw(0, HEADER), tvb:raw(HEADER, length), tvb:raw(HEADER + length, TAG)) then
      key_of_packet[pinfo.number] = key
      return key
    end
  end
  key_of_packet[pinfo.number] = false
  return nil
end

-- Adds what the key log opens. Returns a summary of the frames, or nil.
local function add_decrypted(tvb, pinfo, tree)
  if next(keys) == nil or tvb:captured_len() < tvb:reported_len() then return nil end
  local high, low = tvb(8, 4):uint(), tvb(12, 4):uint()
  local key = find_key(pinfo, tvb, low, high)
  if key == nil then
    if keys[tvb(4, 4):uint()] then tree:add_proto_expert_info(expert_forged) end
    return nil
  end
  local length = tvb:len() - HEADER - TAG
  local body = tvb(HEADER, length)
  local reader = plaintext(key.words, low, high, tvb:raw(HEADER, length))
  reader.sender = SENDER_TO[known_indexes[tvb(4, 4):uint()]]
  tree:add(f.key_epoch, key.epoch):set_generated()
  local ok, result = pcall(add_frames, reader, body, tree)
  if not ok then
    tree:add_proto_expert_info(expert_malformed, tostring(result))
    return "malformed frame"
  end
  if length <= wraith.prefs.shown then
    local bytes = {}
    for i = 0, length - 1 do bytes[i + 1] = string.char(reader.peek(i)) end
    local shown = ByteArray.new(table.concat(bytes), true):tvb("Decrypted frames")
    tree:add(f.decrypted, shown()):set_generated()
  end
  return result
end

---------------------------------------------------------------------------------------------------------------
-- Packets
---------------------------------------------------------------------------------------------------------------

-- What was captured of `length` bytes; nil of nothing.
local function part(tvb, at, length)
  local there = math.min(length or math.huge, tvb:captured_len() - at)
  if there > 0 then return tvb(at, there) end
  return nil
end

local function add_part(tree, field, tvb, at, length)
  local range = part(tvb, at, length)
  if range then tree:add(field, range) end
end

local function add_token(tree, range)
  local token = tree:add(f.token, range)
  -- What this program issues; others' tokens are opaque.
  if range:len() == 40 then
    token:add(f.token_time, range(0, 8))
    token:add(f.token_mac, range(8, 32))
  end
end

-- Each adds the body and returns what the info column says behind the type.
local BODIES = {}

BODIES[INIT] = function(tvb, _, tree)
  tree:add(f.ephemeral, tvb(HEADER, 32))
  local length = tvb(HEADER + 32, 1):uint()
  tree:add(f.token_length, tvb(HEADER + 32, 1))
  local token = part(tvb, HEADER + 33, length)
  if token then add_token(tree, token) end
  add_part(tree, f.padding, tvb, HEADER + 33 + length)
  return length > 0 and "with token" or ""
end

BODIES[RESPONSE] = function(tvb, _, tree)
  tree:add(f.ephemeral, tvb(HEADER, 32))
  add_part(tree, f.static, tvb, HEADER + 32, 48)
  add_part(tree, f.payload, tvb, HEADER + 80)
  return ("from 0x%08x"):format(tvb(12, 4):uint())
end

BODIES[FINAL] = function(tvb, _, tree)
  add_part(tree, f.static, tvb, HEADER, 48)
  add_part(tree, f.payload, tvb, HEADER + 48)
  return ""
end

BODIES[RETRY] = function(tvb, _, tree)
  local token = part(tvb, HEADER)
  if token then add_token(tree, token) end
  return ""
end

BODIES[DATA] = function(tvb, pinfo, tree)
  local length = math.max(0, tvb:reported_len() - HEADER - TAG)
  add_part(tree, f.ciphertext, tvb, HEADER, length)
  add_part(tree, f.tag, tvb, HEADER + length, TAG)
  local frames = add_decrypted(tvb, pinfo, tree)
  local number = tvb(8, 8):uint64():tonumber()
  return ("#%.0f epoch %d, %s"):format(number, tvb(1, 1):uint(), frames or ("%d bytes"):format(length))
end

local function number_field(type)
  if type == DATA then return f.number end
  return type == RESPONSE and f.responder or f.number_field
end

-- Whether the header is one that a receiver would look at.
local function is_well_formed(tvb)
  local captured, length = tvb:captured_len(), tvb:reported_len()
  if captured < HEADER then return false end
  local type, flags = tvb(0, 1):uint(), tvb(1, 1):uint()
  if PACKET_TYPES[type] == nil or tvb(2, 2):uint() ~= 0 or tvb(8, 2):uint() > 0x1f then return false end
  if type == DATA then return flags <= 3 and length > HEADER + TAG end
  if flags ~= VERSION then return false end
  if type == INIT then return length >= MIN_INIT and captured >= HEADER + 33 end
  if type == RESPONSE then return length >= HEADER + 96 and captured >= HEADER + 32 end
  return type == RETRY or length >= HEADER + 64
end

function wraith.dissector(tvb, pinfo, root)
  if not is_well_formed(tvb) then return 0 end
  pinfo.cols.protocol = "WRAITH"
  local type, receiver = tvb(0, 1):uint(), tvb(4, 4):uint()
  local tree = root:add(wraith, tvb())
  tree:add(f.type, tvb(0, 1))
  tree:add(type == DATA and f.epoch or f.version, tvb(1, 1))
  tree:add(f.reserved, tvb(2, 2))
  tree:add(f.receiver, tvb(4, 4))
  tree:add(number_field(type), tvb(8, 8))
  if type == INIT or type == RESPONSE then known_indexes[receiver] = "initiator" end
  if type == RESPONSE then known_indexes[tvb(12, 4):uint()] = "responder" end
  known_indexes[receiver] = known_indexes[receiver] or "unknown"
  local said = BODIES[type](tvb, pinfo, tree)
  local info = ("%s %s 0x%08x %s"):format(PACKET_TYPES[type], type == INIT and "by" or "to", receiver, said)
  info = info:gsub("%s+$", "")
  tree:append_text(", " .. info)
  pinfo.cols.info = info
  return tvb:reported_len()
end

-- A Data packet looks like much else: it must be for an index that a handshake named, or come from a node.
local function is_ours(tvb)
  if not is_well_formed(tvb) then return false end
  local type = tvb(0, 1):uint()
  if type == INIT then return tvb(4, 4):uint() ~= 0 and tvb(8, 8):uint64() == UInt64(0) end
  if known_indexes[tvb(4, 4):uint()] then return true end
  local name = interface_name()
  return name ~= nil and (name.value == "wraith" or name.value == "wraith-relay")
end

wraith:register_heuristic("udp", function(tvb, pinfo, root)
  if not is_ours(tvb) then return false end
  -- Others that recognise packets by their look, WireGuard among them, are not asked again.
  pinfo.conversation = wraith
  wraith.dissector(tvb, pinfo, root)
  return true
end)

DissectorTable.get("udp.port"):add(41641, wraith)
