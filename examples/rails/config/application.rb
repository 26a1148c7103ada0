require_relative "boot"

require "rails"
require "active_record/railtie"

Bundler.require(*Rails.groups)

module Shop
  class Application < Rails::Application
    config.load_defaults 6.1
    config.eager_load = true
    config.active_record.dump_schema_after_migration = false
    config.colorize_logging = false
    config.log_level = :info
    config.logger = ActiveSupport::Logger.new($stdout)
  end
end
