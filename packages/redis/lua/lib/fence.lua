-- Member fence: KEYS[1] is the lane's member hash, ARGV[1] the node that asks.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
