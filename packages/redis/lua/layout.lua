#!lua flags=allow-oom
-- Records the layout at first use.
-- GUARANTEE  the first caller's lanes and version stand; everybody gets what stands.
-- KEYS       1 layout
-- ARGV       1 lanes, 2 version
-- RETURNS    {lanes, version}
-- RUN TWICE  same answer.
redis.call('HSETNX', KEYS[1], 'lanes', ARGV[1])
redis.call('HSETNX', KEYS[1], 'version', ARGV[2])
return redis.call('HMGET', KEYS[1], 'lanes', 'version')
