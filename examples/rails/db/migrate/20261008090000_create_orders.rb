class CreateOrders < ActiveRecord::Migration[6.1]
  def change
    create_table :orders do |t|
      t.string :email, null: false
      t.datetime :placed_at, null: false, default: -> { "now()" }
    end
    create_table :order_lines do |t|
      t.references :order, null: false, foreign_key: { on_delete: :cascade }
      t.references :product, null: false, foreign_key: true
      t.integer :quantity, null: false
    end
  end
end
