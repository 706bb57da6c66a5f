package 'nginx'

file '/var/www/html/index.html' do
  content "made for #{node['web']['site']}\n"
end
