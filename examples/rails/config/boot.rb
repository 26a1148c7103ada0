# Each line at once, also where no terminal reads it.
$stdout.sync = true

ENV["BUNDLE_GEMFILE"] ||= File.expand_path("../Gemfile", __dir__)

require "bundler/setup"
